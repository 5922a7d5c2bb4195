import {
  type DueInvoiceDto,
  type ExpiringCardDto,
  type SubscriptionDto,
  toldDeclineCode,
  toPeriodDto,
} from "@driftlock/contracts";
import { type Db, type owedInvoices, paymentMethods, usagePeriods } from "@driftlock/db";
import {
  type AccessPolicy,
  cardEndsAt,
  cycleAt,
  cycleIndexAt,
  declineActionOf,
  isCardExpiring,
  isLiveSubscription,
  nextDunningStep,
  stateOfInvoice,
} from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import { type AccountStanding, isEnding, readStanding, type SubscriptionRow } from "./account-standing.ts";

interface Deps {
  db: Db;
  clock: Clock;
  accessPolicy: AccessPolicy;
}

/** What an account has. @throws ACCOUNT_NOT_FOUND. */
export const createGetSubscription =
  ({ db, clock, accessPolicy }: Deps) =>
  async (accountId: string): Promise<SubscriptionDto> => {
    const standing = await readStanding(db, accountId, accessPolicy);
    const { paymentState, access } = standing;
    const dueInvoice = dueInvoiceOf(standing);
    const expiringCard = await expiringCardOf(standing);
    return { accountId, ...(await planPart(standing)), paymentState, access, dueInvoice, expiringCard };

    async function planPart({ selected, subscriptions, account }: AccountStanding) {
      if (selected !== null) {
        return {
          planId: selected.planId,
          planVersion: selected.planVersion,
          status: selected.status,
          period: toPeriodDto({ start: selected.periodStart, end: selected.periodEnd }),
          cancelAtPeriodEnd: isEnding(selected),
          pendingPlanId: isEnding(selected) ? ("free" as const) : otherPlan(selected),
        };
      }
      const now = clock.now();
      const row = await usagePeriods.findPeriodAt(db, accountId, now);
      // Rows end where nobody has rolled them on yet; the calendar says the same as they will.
      const cycle = cycleAt(account.freeAnchorAt, cycleIndexAt(account.freeAnchorAt, now));
      const held = subscriptions.findLast(({ status }) => isLiveSubscription(status));
      return {
        planId: "free" as const,
        planVersion: row?.planId === "free" ? row.planVersion : account.freePlanVersion,
        status: held?.status ?? ("active" as const),
        period: toPeriodDto(row === null ? cycle : { start: row.periodStart, end: row.periodEnd }),
        cancelAtPeriodEnd: false,
        pendingPlanId: null,
      };
    }

    /** Of the card that Stripe takes: the subscription's own, else the customer's default. */
    async function expiringCardOf({ selected }: AccountStanding): Promise<ExpiringCardDto | null> {
      if (selected === null) return null;
      const cards = await paymentMethods.listPaymentMethods(db, accountId);
      const own = cards.find(({ paymentMethodId }) => paymentMethodId === selected.defaultPaymentMethodId);
      const { brand, last4, expMonth, expYear } = own ?? cards.find(({ isDefault }) => isDefault) ?? noCard;
      if (expMonth === null || expYear === null) return null;
      const endsAt = cardEndsAt({ expMonth, expYear });
      const isOver = isEnding(selected) && selected.periodEnd < endsAt;
      if (isOver || !isCardExpiring(endsAt, clock.now())) return null;
      return { brand, last4, expMonth, expYear, hasExpired: endsAt <= clock.now() };
    }
  };

const noCard = { brand: null, last4: null, expMonth: null, expYear: null };

/** Another version of the plan that it has is not another plan. */
const otherPlan = ({ planId, pendingPlanId }: SubscriptionRow) =>
  pendingPlanId === planId ? null : pendingPlanId;

function dueInvoiceOf({ owed, selected }: AccountStanding): DueInvoiceDto | null {
  const state = (invoice: owedInvoices.OwedInvoiceRow) => stateOfInvoice(invoice, selected !== null);
  const due = owed.find((invoice) => state(invoice) !== "ok");
  if (due === undefined) return null;
  const { invoiceId, number, amountRemainingMinor, currency, hostedUrl } = due;
  return {
    id: invoiceId,
    number,
    amountRemainingMinor,
    currency,
    hostedUrl,
    needsConfirmation: state(due) === "action_required",
    declineCode: toldDeclineCode(due.declineCode),
    nextAttemptAt: nextAttemptAt(due)?.toISOString() ?? null,
  };
}

function nextAttemptAt({
  dunning,
  declineCode,
  isActionRequired,
  nextPaymentAttemptAt,
}: owedInvoices.OwedInvoiceRow): Date | null {
  if (dunning === null || dunning.mode === "stripe") return nextPaymentAttemptAt;
  const action = isActionRequired ? "authenticate" : declineActionOf(declineCode);
  const { kind, at } = nextDunningStep({ ...dunning, action });
  return kind === "retry" ? at : null;
}
