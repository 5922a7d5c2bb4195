import { type Db, notices } from "@driftlock/db";
import { cardWarningDays } from "@driftlock/domain";
import { insertNotice } from "./insert-notice.ts";

const dayMs = 24 * 60 * 60 * 1000;
const atOnceMax = 100;

/** Days before the end of a card's last month on which its owner is told. What expired unseen is told for a month. */
const horizons = [
  { fromDays: 7, untilDays: cardWarningDays, keySuffix: "" },
  { fromDays: -30, untilDays: 7, keySuffix: ".7d" },
] as const;

/** Tells owners of cards that expire, once for each card, expiry and horizon: Stripe has no event for it. */
export async function tellExpiringCards(db: Db, now: Date): Promise<void> {
  for (const { fromDays, untilDays, keySuffix } of horizons) {
    const [from, until] = [fromDays, untilDays].map((days) => new Date(now.getTime() + days * dayMs)) as [
      Date,
      Date,
    ];
    for (const card of await notices.listExpiringCards(db, { from, until, keySuffix, limit: atOnceMax })) {
      const { accountId, paymentMethodId, expYear, expMonth, brand, last4 } = card;
      await db.transaction((tx) =>
        insertNotice(tx, {
          accountId,
          type: "payment_method.expiring",
          dedupeKey: `payment_method.expiring.${paymentMethodId}.${expYear}-${expMonth}${keySuffix}`,
          data: { paymentMethodId, brand, last4, expMonth, expYear },
          now,
        }),
      );
    }
  }
}
