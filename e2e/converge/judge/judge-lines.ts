import type { InvoiceLine } from "@driftlock/db";
import type { Stripe } from "@driftlock/stripe";
import { compare } from "./judge-mirror.ts";
import type { Rows } from "./read-rows.ts";
import type { StripeFacts } from "./read-stripe.ts";

/** `driftlock_<plan>_v<version>_<metric>`: the price of what is billed by use. */
const metricOf = (lookupKey: string | null): string | null =>
  /^driftlock_[a-z]+_v\d+_([a-z_]+)$/.exec(lookupKey ?? "")?.[1] ?? null;

/** Each line of each invoice is Stripe's, and together they are what the invoice bills. */
export function judgeLines({ invoices }: Rows, facts: StripeFacts): string[] {
  const mirrored = new Map(invoices.map((row) => [row["invoice_id"], row["lines"] as InvoiceLine[]]));
  return facts.invoices.flatMap((invoice) => {
    const lines = facts.lines.get(invoice.id) ?? [];
    const rows = (mirrored.get(invoice.id) ?? []).map((line) => ({ ...line }));
    const sum = rows.reduce((total, { amountMinor }) => total + amountMinor, 0);
    return [
      ...compare(
        `line of ${invoice.id}`,
        rows,
        "lineId",
        lines.map((line) => wantedLine(line, facts.lookupKeys)),
      ),
      ...(sum === invoice.subtotal
        ? []
        : [`lines: those of ${invoice.id} come to ${sum}, it bills ${invoice.subtotal}`]),
    ];
  });
}

function wantedLine(
  line: Stripe.InvoiceLineItem,
  lookupKeys: StripeFacts["lookupKeys"],
): Record<string, unknown> {
  const price = line.pricing?.price_details?.price;
  const priceId = typeof price === "string" ? price : (price?.id ?? null);
  const { subscription_item_details: item, invoice_item_details: own } = line.parent ?? {};
  return {
    lineId: line.id,
    description: line.description,
    amountMinor: line.amount,
    quantity: line.quantity,
    periodStart: new Date(line.period.start * 1000).toISOString(),
    periodEnd: new Date(line.period.end * 1000).toISOString(),
    stripePriceId: priceId,
    subscriptionItemId: item?.subscription_item ?? null,
    metric: metricOf(lookupKeys.get(priceId ?? "") ?? null),
    isProration: item?.proration ?? own?.proration ?? false,
  };
}
