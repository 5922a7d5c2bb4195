import type { Fault } from "./faults.ts";

const flushTests = "apps/usage-aggregator/test/";
const flush = "apps/usage-aggregator/src/flush/";
const planChange = "apps/billing-worker/src/plan-change/";
const planChangeTests = "apps/billing-worker/test/plan-change.test.ts";
const planChangeUsageTests = "apps/billing-worker/test/plan-change-usage.test.ts";
const adjustments = "apps/billing-worker/src/adjustments/";
const adjustmentTests = "apps/billing-worker/test/adjustments.test.ts";
const integration = "integration" as const;

/** The faults of plan changes and late usage, where what was used becomes money (ADR 0019, ADR 0020). */
export const billingFaults: readonly Fault[] = [
  {
    name: "an upgrade is asked for before what was used is settled",
    file: `${planChange}cut-period.ts`,
    code: 'billsByUse(from) ? ("draining" as const)',
    fault: 'billsByUse(from) ? ("changing" as const)',
    project: integration,
    test: planChangeTests,
    title: "an upgrade that dies everywhere",
  },
  {
    name: "an upgrade is billed unverified",
    file: `${planChange}settle-segment.ts`,
    code: 'if (difference === "") {',
    fault: 'if (difference !== "-") {',
    project: integration,
    test: planChangeUsageTests,
    title: "usage that Stripe sums up otherwise",
  },
  {
    name: "a declined upgrade leaves its cut",
    file: `${planChange}undo-cut.ts`,
    code: "retilePeriods(tx, { accountId, now, undone })",
    fault: "retilePeriods(tx, { accountId, now, ...(undone && {}) })",
    project: integration,
    test: planChangeTests,
    title: "a payment that is declined",
  },
  {
    name: "a lost answer of Stripe is taken for a decline",
    file: `${planChange}upgrade-at-stripe.ts`,
    code: "if (declineOf(error) === null) return null;",
    fault: "if (declineOf(error) === undefined) return null;",
    project: integration,
    test: planChangeTests,
    title: "an answer of Stripe that is lost",
  },
  {
    name: "an upgrade leaves an end that was planned",
    file: `${planChange}settle-end.ts`,
    code: "if (isEnding !== present.isEnding)",
    fault: "if (isEnding && !present.isEnding)",
    project: integration,
    test: planChangeTests,
    title: "a downgrade that was scheduled",
  },
  {
    name: "usage past an upgrade's cut is reported before Stripe has its price",
    file: "packages/db/src/queries/usage-reports.ts",
    code: "(p.period_start >= g.effective_at\n",
    fault: "(p.period_start >= 'infinity'\n",
    project: integration,
    test: planChangeUsageTests,
    title: "to a plan that bills by use",
  },
  {
    name: "late usage has its period's included quantity once more",
    file: "packages/domain/src/adjustment.ts",
    code: `overageAmountMinor(toQuantity, priceAfter(price, toCarried)) -
  overageAmountMinor(fromQuantity, priceAfter(price, fromCarried));`,
    fault: "overageAmountMinor(toQuantity - fromQuantity, priceAfter(price, toCarried));",
    project: "unit",
    test: "packages/domain/src/adjustment.property.test.ts",
  },
  {
    name: "a second part of a billing period has its plan's included quantity once more",
    file: "packages/domain/src/adjustment.ts",
    code: "const toCarried = Math.min(total.carriedQuantity, total.price.includedQuantity);",
    fault: "const toCarried = 0;",
    project: "unit",
    test: "packages/domain/src/adjustment.property.test.ts",
  },
  {
    name: "late usage is stored, and its period not looked at",
    file: `${flush}commit-batch.ts`,
    code: "    await markClosed(tx, closed, now);\n",
    fault: "",
    project: integration,
    test: `${flushTests}late-rows.test.ts`,
  },
  {
    name: "an adjustment is sent again blindly after a day",
    file: `${adjustments}subscription-item.ts`,
    code: "isLongAgo(row, clock.now())",
    fault: "isLongAgo(row, row.createdAt)",
    project: integration,
    test: adjustmentTests,
  },
  {
    name: "an adjustment's own invoice takes what else is pending",
    file: `${adjustments}own-invoice.ts`,
    code: 'pending_invoice_items_behavior: "exclude"',
    fault: 'pending_invoice_items_behavior: "include"',
    project: integration,
    test: adjustmentTests,
  },
];
