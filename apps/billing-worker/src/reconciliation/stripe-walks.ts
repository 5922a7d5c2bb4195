import { catalog, mirrorDifferences } from "@driftlock/db";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { CatalogConflict } from "../catalog/catalog-step.ts";
import { planPush } from "../catalog/plan-push.ts";
import { customerDifference, subscriptionDifference } from "./object-differences.ts";
import type { SeenObject } from "./note-differences.ts";
import type { Walk, WalkDeps } from "./walk-step.ts";

const pageMax = 100;
/** Nothing here is urgent: hints and the sweep come first, and what they missed is found within the hour. */
const stepMs = 1_000;
const restMs = 60 * 60 * 1000;
const firstAfterMs = 10 * 60 * 1000;

export interface StripeWalkDeps extends WalkDeps {
  stripe: Stripe;
}

type StripeWalk = Walk<{ after: string }, SeenObject>;

const paced = (db: WalkDeps["db"], objectType: string) => ({
  stepMs,
  restMs,
  firstAfterMs,
  isRound: true,
  end: (beganAt: Date) => mirrorDifferences.deleteUnseen(db, objectType, beganAt),
});

const listParams = (after: string | undefined) => ({
  limit: pageMax,
  ...(after !== undefined && { starting_after: after }),
});

/** Every subscription that Stripe lists: status, plan, period and its end. */
export const subscriptionsWalk = ({ db, stripe }: StripeWalkDeps): StripeWalk => ({
  ...paced(db, "subscription"),
  name: "stripe-subscriptions",
  read: async ({ after }) => {
    const { data, has_more } = await stripeCall(() =>
      stripe.subscriptions.list({ ...listParams(after), status: "all" }),
    );
    const plans = await catalog.listPlans(db);
    const ids = data.map(({ id }) => id);
    const mirrors = await mirrorDifferences.listMirroredSubscriptions(db, ids);
    const tied = await tiedAccounts(db, data);
    const items = data.map((subscription): SeenObject => {
      const mirror = mirrors.find((each) => each.stripeSubscriptionId === subscription.id) ?? null;
      const account = tied(subscription);
      return {
        objectId: subscription.id,
        objectType: "subscription",
        accountId: mirror?.accountId ?? account?.accountId ?? null,
        difference: subscriptionDifference(subscription, { mirror, isOurs: account !== null, plans }),
      };
    });
    return { items, position: { after: data.at(-1)?.id ?? "" }, isLast: !has_more };
  },
});

/** Every customer that names an account of ours: whether the account is tied to one. */
export const customersWalk = ({ db, stripe }: StripeWalkDeps): StripeWalk => ({
  ...paced(db, "customer"),
  name: "stripe-customers",
  read: async ({ after }) => {
    const { data, has_more } = await stripeCall(() => stripe.customers.list(listParams(after)));
    const tied = await tiedAccounts(
      db,
      data.map(({ id, metadata }) => ({ customer: id, metadata })),
    );
    const items = data.map(({ id, metadata }): SeenObject => {
      const account = tied({ customer: id, metadata });
      return {
        objectId: id,
        objectType: "customer",
        accountId: account?.accountId ?? null,
        difference: customerDifference(account),
      };
    });
    return { items, position: { after: data.at(-1)?.id ?? "" }, isLast: !has_more };
  },
});

/** Products, prices and meters by their derived names, as a push of the catalogue would look at them. */
export const catalogWalk = ({ db, stripe, clock }: StripeWalkDeps): StripeWalk => ({
  ...paced(db, "catalog"),
  name: "stripe-catalog",
  read: async () => {
    const items = await readCatalog({ db, stripe, clock });
    return { items, position: { after: "" }, isLast: true };
  },
});

async function readCatalog(deps: Pick<StripeWalkDeps, "db" | "stripe" | "clock">): Promise<SeenObject[]> {
  const seen = (objectId: string, difference: string | null): SeenObject => ({
    objectId,
    objectType: "catalog",
    accountId: null,
    difference,
  });
  try {
    const steps = await planPush(deps);
    return steps.map(({ kind, key, action, detail }) =>
      seen(`${kind}:${key}`, action === "unchanged" ? null : [action, ...detail].join(": ")),
    );
  } catch (error) {
    if (!(error instanceof CatalogConflict)) throw error;
    return error.conflicts.map((conflict) => seen(`conflict:${conflict.slice(0, 100)}`, conflict));
  }
}

interface Tied {
  customer: string | { id: string };
  metadata: Readonly<Record<string, string>>;
}

/** The account that an object is of: its customer's, else the one that its metadata names, which only we write. */
async function tiedAccounts(db: WalkDeps["db"], objects: readonly Tied[]) {
  const customerOf = ({ customer }: Tied) => (typeof customer === "string" ? customer : customer.id);
  const rows = await mirrorDifferences.listTiedAccounts(db, {
    accountIds: objects.flatMap(({ metadata }) => metadata["account_id"] ?? []),
    stripeCustomerIds: objects.map(customerOf),
  });
  return (object: Tied): mirrorDifferences.TiedAccountRow | null =>
    rows.find(({ stripeCustomerId }) => stripeCustomerId === customerOf(object)) ??
    rows.find(({ accountId }) => accountId === object.metadata["account_id"]) ??
    null;
}
