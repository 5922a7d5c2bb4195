import { AppError, type QuotaItemDto } from "@driftlock/contracts";
import type { ReservationItem, ReservationRow } from "@driftlock/db";
import type { ItemStanding } from "@driftlock/redis";
import { toQuotaItem } from "./quota-item.ts";

/** Why it was refused, item by item as a quota check tells it; what no later try can change comes before a spent quota. */
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
  const first = refused.find(({ code }) => code !== "QUOTA_EXCEEDED");
  const extensions = { allowed: false, items: details };
  if (first?.code !== undefined)
    return new AppError(first.code, detailOf(first.code, first.metric), { extensions });
  const names = refused.map(({ metric }) => metric).join(", ");
  return new AppError("QUOTA_EXCEEDED", `It does not fit: ${names}.`, { extensions });
}

function detailOf(code: NonNullable<QuotaItemDto["code"]>, metric: string): string {
  switch (code) {
    case "EVENT_CONFLICT":
      return `${metric}: the id of this reservation's event was used with another quantity or properties; what is held stays held.`;
    case "PERIOD_CLOSED":
      return `${metric}: the period is closed.`;
    case "INVALID_EVENT":
      return `${metric}: the period's total would pass 999,999,999,999,999.`;
    default:
      return `It does not fit: ${metric}.`;
  }
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
