import { AppError } from "@driftlock/contracts";
import type { ReservationItem, ReservationRow } from "@driftlock/db";
import type { ItemStanding } from "@driftlock/redis";
import { toQuotaItem } from "./quota-item.ts";

/** What does not fit, item by item as a quota check tells it. */
export function refusal(
  items: readonly ReservationItem[],
  standings: readonly ItemStanding[],
  isMetric: (metric: string) => boolean,
): AppError {
  const details = items.map(({ metric }, index) => {
    const standing = standings[index] ?? { verdict: "quota-exceeded" };
    return toQuotaItem({ metric, ...standing, isMetric: isMetric(metric) });
  });
  const refused = details.filter(({ allowed }) => !allowed);
  const names = refused.map(({ metric }) => metric).join(", ");
  return new AppError("QUOTA_EXCEEDED", `It does not fit: ${names}.`, {
    extensions: { allowed: false, items: details },
  });
}

export const invalid = (path: string, message: string): AppError =>
  new AppError("INVALID", `${path}: ${message}`, { extensions: { errors: [{ path, message }] } });
export const noSuchReservation = (id: string): AppError =>
  new AppError("RESERVATION_NOT_FOUND", `There is no reservation "${id}".`);
export const conflict = (id: string): AppError =>
  new AppError("RESERVATION_CONFLICT", `The reservation "${id}" was made or committed with something else.`);
export const ended = ({ reservationId, state, outcome, expiresAt }: ReservationRow): AppError =>
  new AppError(
    "RESERVATION_ENDED",
    outcome === null && state !== "held"
      ? `The reservation "${reservationId}" is committed.`
      : `The reservation "${reservationId}" holds nothing any more: it was ${outcome ?? "expired"}.`,
    { extensions: { expiresAt: expiresAt.toISOString() } },
  );
export const busy = (): AppError =>
  new AppError("UNAVAILABLE", "This reservation is being changed by another request; try again.", {
    retryAfterSeconds: 1,
  });
