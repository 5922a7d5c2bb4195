import { z } from "zod";
import { quantityMax } from "../usage.ts";
import { AccountChoice } from "./account-choice.ts";
import { quotaItemsMax } from "./quota.ts";

/** Longer work asks again before it ends. */
export const reservationSecondsMax = 3_600;

/** How the id of a commit's event begins: `reservation:<id>:<metric>`. */
export const reservationEventPrefix = "reservation:";

const ReservationItem = z.strictObject({
  metric: z.string(),
  quantity: z.number().int().min(0).max(quantityMax).default(1),
});
const ReservationItems = z.array(ReservationItem).min(1).max(quotaItemsMax);

/** Keeps room for quantities, all or none, until it is committed, released, or `ttlSeconds` have passed. */
export const ReservationBody = z.strictObject({
  ...AccountChoice.shape,
  id: z.string(),
  items: ReservationItems,
  ttlSeconds: z.number().int().min(1).max(reservationSecondsMax),
});
export type ReservationBody = z.infer<typeof ReservationBody>;

/** A hold ends with the period that it was made in at the latest. */
export const ReservationDto = z
  .object({ id: z.string(), expiresAt: z.iso.datetime() })
  .meta({ id: "Reservation" });
export type ReservationDto = z.infer<typeof ReservationDto>;

export const ReservationPath = z.object({ id: z.string() });

/** What was used of what is held, by default all of it; the rest is given back. */
export const ReservationCommitBody = z.strictObject({
  ...AccountChoice.shape,
  items: ReservationItems.optional(),
});
export const ReservationReleaseBody = z.strictObject(AccountChoice.shape);

/** The events that a commit has recorded; a metric of which nothing was used has none. */
export const ReservationCommitDto = z
  .object({
    id: z.string(),
    state: z.literal("committed"),
    items: z.array(
      z.object({ metric: z.string(), quantity: z.number().int(), eventId: z.string().nullable() }),
    ),
  })
  .meta({ id: "ReservationCommit" });
export type ReservationCommitDto = z.infer<typeof ReservationCommitDto>;

export const ReservationEndDto = z
  .object({ id: z.string(), state: z.enum(["released", "expired"]) })
  .meta({ id: "ReservationEnd" });
export type ReservationEndDto = z.infer<typeof ReservationEndDto>;
