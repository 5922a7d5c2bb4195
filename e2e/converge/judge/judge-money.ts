import type { Stripe } from "@driftlock/stripe";
import type { Rows } from "./read-rows.ts";
import type { StripeFacts } from "./read-stripe.ts";

/** Nothing is charged twice, and of what was bought twice one is kept and the other given back, once. */
export function judgeMoney(rows: Rows, facts: StripeFacts): string[] {
  return [...judgeCharges(facts), ...judgeDoubles(rows, facts)];
}

function judgeCharges({ invoices, charges }: StripeFacts): string[] {
  return invoices.flatMap((invoice) => {
    const intents = new Set(invoice.payments?.data.map(({ payment }) => idOf(payment.payment_intent)));
    const taken = charges
      .filter(({ paid, payment_intent }) => paid && intents.has(idOf(payment_intent)))
      .reduce((sum, { amount }) => sum + amount, 0);
    return taken > invoice.amount_due
      ? [`money: ${taken} was charged for ${invoice.id}, which is over ${invoice.amount_due}`]
      : [];
  });
}

function judgeDoubles({ doubles }: Rows, facts: StripeFacts): string[] {
  const live = facts.subscriptions.filter(
    ({ status }) => !["canceled", "incomplete_expired"].includes(status),
  );
  const faults = live.length > 1 ? [`money: ${live.map(({ id }) => id).join(" and ")} both go on`] : [];
  for (const row of doubles) {
    const id = String(row["stripe_subscription_id"]);
    if (row["settled_at"] === null) faults.push(`money: the double checkout ${id} is not settled`);
    const intents = new Set(
      facts.invoices
        .filter(({ parent }) => idOf(parent?.subscription_details?.subscription) === id)
        .flatMap(({ payments }) => payments?.data.map(({ payment }) => idOf(payment.payment_intent)) ?? []),
    );
    for (const charge of facts.charges)
      if (charge.paid && intents.has(idOf(charge.payment_intent)) && charge.amount_refunded !== charge.amount)
        faults.push(
          `money: of ${id}, bought twice, ${charge.amount - charge.amount_refunded} is not given back`,
        );
  }
  return faults;
}

const idOf = (field: string | Pick<Stripe.PaymentIntent, "id"> | null | undefined): string | null =>
  typeof field === "string" ? field : (field?.id ?? null);
