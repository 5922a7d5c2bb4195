import { catalog, type Db, moneyBack, owedInvoices, subscriptions } from "@driftlock/db";
import { paymentStates, selectSubscription } from "@driftlock/domain";

/** What an account has, by its mirror: the plan that its subscriptions give, and whether it owes. */
export async function readStanding(db: Db, accountId: string): Promise<Record<string, unknown>> {
  const plans = await catalog.listPlans(db);
  const all = await subscriptions.listSubscriptions(db, accountId);
  const invoices = await owedInvoices.listOwedInvoices(db, accountId);
  const isDisputed = await moneyBack.isAccountDisputed(db, accountId);
  const rankOf = ({ planId, planVersion }: (typeof all)[number]) =>
    plans.find((plan) => plan.planId === planId && plan.version === planVersion)?.rank ?? 0;
  const selected = selectSubscription(all.map((row) => ({ ...row, rank: rankOf(row) })));
  return {
    plan: selected === null ? "free" : `${selected.planId} v${selected.planVersion}`,
    period: selected === null ? null : [selected.periodStart, selected.periodEnd],
    payment_state: paymentStates({ invoices, subscriptions: all, isDisputed })[0],
  };
}
