import { type Db, notices } from "@driftlock/db";
import { insertNotice } from "./insert-notice.ts";

const dayMs = 24 * 60 * 60 * 1000;
const tellAheadMs = 30 * dayMs;
const atOnceMax = 100;

/** Tells owners of cards that expire within 30 days, once for each card and expiry: Stripe has no event for it. */
export async function tellExpiringCards(db: Db, now: Date): Promise<void> {
  // What expired while nobody looked is told too, for a month.
  const span = { from: new Date(now.getTime() - 30 * dayMs), until: new Date(now.getTime() + tellAheadMs) };
  for (const card of await notices.listExpiringCards(db, { ...span, limit: atOnceMax })) {
    const { accountId, paymentMethodId, expYear, expMonth, brand, last4 } = card;
    await db.transaction((tx) =>
      insertNotice(tx, {
        accountId,
        type: "payment_method.expiring",
        dedupeKey: `payment_method.expiring.${paymentMethodId}.${expYear}-${expMonth}`,
        data: { paymentMethodId, brand, last4, expMonth, expYear },
        now,
      }),
    );
  }
}
