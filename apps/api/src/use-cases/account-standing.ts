import type { Access, PaymentState } from "@driftlock/contracts";
import { accounts, catalog, moneyBack, owedInvoices, type Queryable, subscriptions } from "@driftlock/db";
import {
  type AccessPolicy,
  accessOf,
  isLiveSubscription,
  paymentStates,
  selectSubscription,
} from "@driftlock/domain";
import { noSuchAccount } from "../auth/credential.ts";
import type { PlanRow } from "./plan-catalog.ts";

export type SubscriptionRow = Awaited<ReturnType<typeof subscriptions.listSubscriptions>>[number];

export interface AccountStanding {
  account: NonNullable<Awaited<ReturnType<typeof accounts.findAccount>>>;
  /** All that it ever had, the oldest first. */
  subscriptions: SubscriptionRow[];
  /** The one that its plan comes from; null on Free. */
  selected: SubscriptionRow | null;
  plans: PlanRow[];
  /** What it owes, the oldest first. */
  owed: owedInvoices.OwedInvoiceRow[];
  paymentState: PaymentState;
  access: Access;
}

/** Where an account stands, all of it from the mirror. @throws ACCOUNT_NOT_FOUND. */
export async function readStanding(
  q: Queryable,
  accountId: string,
  accessPolicy: AccessPolicy,
): Promise<AccountStanding> {
  const [account, all, owed, isDisputed, plans] = await Promise.all([
    accounts.findAccount(q, accountId),
    subscriptions.listSubscriptions(q, accountId),
    owedInvoices.listOwedInvoices(q, accountId),
    moneyBack.isAccountDisputed(q, accountId),
    catalog.listPlans(q),
  ]);
  if (account === null) throw noSuchAccount(accountId);
  const states = paymentStates({ invoices: owed, subscriptions: all, isDisputed });
  return {
    account,
    subscriptions: all,
    selected: selectSubscription(withRank(plans, all)),
    plans,
    owed,
    paymentState: states[0],
    access: accessOf(accessPolicy, states),
  };
}

/**
 * The subscription that a change is about: the one that gives the plan, else the latest that still lives, such as one
 * that is unpaid. Null where there is nothing to change.
 */
export function changeableSubscription(
  plans: readonly PlanRow[],
  all: readonly SubscriptionRow[],
): SubscriptionRow | null {
  const live = all.findLast(({ status }) => isLiveSubscription(status)) ?? null;
  return selectSubscription(withRank(plans, all)) ?? live;
}

const withRank = (plans: readonly PlanRow[], all: readonly SubscriptionRow[]) =>
  all.map((row) => ({ ...row, rank: rankOf(plans, row) }));

const rankOf = (plans: readonly PlanRow[], { planId, planVersion }: SubscriptionRow): number =>
  plans.find((plan) => plan.planId === planId && plan.version === planVersion)?.rank ?? 0;

/** Whether it is set to end. */
export const isEnding = ({ cancelAtPeriodEnd, cancelAt }: SubscriptionRow): boolean =>
  cancelAtPeriodEnd || cancelAt !== null;
