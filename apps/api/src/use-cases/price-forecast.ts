import { type LatePreviewDto, type LatePreviewLineDto, toPeriodDto } from "@driftlock/contracts";
import { type Db, lateBilling } from "@driftlock/db";
import { windowAmountMinor } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import type { Catalog } from "../usage/catalog-cache.ts";
import type { ForecastTotal } from "./forecast-usage.ts";

type Billing = Awaited<ReturnType<typeof lateBilling.listLateBilling>>[number];
type Money = Pick<LatePreviewDto, "lines" | "invoicesChanged" | "totals" | "summary">;

/** What changed totals cost, and which invoices it would go on. */
export async function priceForecast(
  { db, clock }: { db: Db; clock: Clock },
  changed: readonly ForecastTotal[],
  plans: Catalog["plans"],
): Promise<Money> {
  const billing = await lateBilling.listLateBilling(db, uniquePeriods(changed));
  const now = clock.now();
  const lines = changed.map((total) =>
    toLine(total, {
      plans,
      now,
      billing: billing.find((each) => each.accountId === total.accountId && each.startMs === total.startMs),
    }),
  );
  const priced = lines.filter(({ amountMinor }) => amountMinor !== 0);
  const invoicesChanged = new Set(priced.map(invoiceKeyOf)).size;
  const byCurrency = Map.groupBy(priced, ({ currency }) => currency);
  const totals = [...byCurrency].map(([currency, of]) => ({
    currency,
    amountMinor: of.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
  }));
  return { lines, invoicesChanged, totals, summary: summarize(invoicesChanged, totals) };
}

const uniquePeriods = (changed: readonly ForecastTotal[]) => [
  ...new Map(changed.map((total) => [`${total.accountId} ${total.startMs}`, total])).values(),
];

function toLine(
  total: ForecastTotal,
  { plans, billing, now }: { plans: Catalog["plans"]; billing: Billing | undefined; now: Date },
): LatePreviewLineDto {
  const { accountId, metric, startMs, endMs, isClosed, fromQuantity, toQuantity } = total;
  const plan = plans.find(({ planId, version }) => planId === total.planId && version === total.planVersion);
  const limit = plan?.limits.find((each) => each.metric === metric);
  const isBilled = limit?.overagePolicy === "bill" && billing !== undefined;
  const window = { fromQuantity, toQuantity, fromCarried: total.carried, toCarried: total.carried };
  const price = {
    includedQuantity: limit?.includedQuantity ?? 0,
    amountMinor: limit?.overageAmountMinor ?? 0,
    perUnits: limit?.overagePerUnits ?? 1,
  };
  return {
    accountId,
    metric,
    period: toPeriodDto({ start: new Date(startMs), end: new Date(endMs) }),
    isClosed,
    quantity: toQuantity - fromQuantity,
    amountMinor: isBilled ? windowAmountMinor(window, price) : 0,
    currency: plan?.currency ?? "usd",
    invoice: isBilled ? invoiceOf(total, billing, now) : null,
  };
}

function invoiceOf(
  { isClosed, endMs }: ForecastTotal,
  billing: Billing,
  now: Date,
): LatePreviewLineDto["invoice"] {
  const { stripeSubscriptionId: subscriptionId, isEnded, nextInvoiceAt, draftInvoiceId, isFrozen } = billing;
  const takesDraft = !isClosed && endMs <= now.getTime() && draftInvoiceId !== null && !isFrozen;
  if (takesDraft) return { kind: "draft", invoiceId: draftInvoiceId, subscriptionId, at: null };
  if (isEnded) return { kind: "own", invoiceId: null, subscriptionId, at: null };
  return { kind: "next", invoiceId: null, subscriptionId, at: nextInvoiceAt.toISOString() };
}

/** An invoice of its own is of one period and metric; the next one of a subscription takes all that comes. */
function invoiceKeyOf({ accountId, metric, period, invoice }: LatePreviewLineDto): string {
  const own = invoice?.kind === "own" ? ` ${accountId} ${metric} ${period.start}` : "";
  return `${invoice?.kind} ${invoice?.invoiceId} ${invoice?.subscriptionId}${own}`;
}

function summarize(invoicesChanged: number, totals: Money["totals"]): string {
  const invoices = `${invoicesChanged} ${invoicesChanged === 1 ? "invoice" : "invoices"}`;
  const sums = totals.map(({ currency, amountMinor }) =>
    new Intl.NumberFormat("en-US", { style: "currency", currency, signDisplay: "always" }).format(
      amountMinor / 100,
    ),
  );
  return `This changes ${invoices}${sums.length === 0 ? "" : ` by ${sums.join(" and ")}`}.`;
}
