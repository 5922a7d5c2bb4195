import {
  AppError,
  quantityMax,
  type ReservationCommitDto,
  type ReservationDto,
  type ReservationEndDto,
} from "@driftlock/contracts";
import {
  accounts,
  type Db,
  type ReservationItem,
  type ReservationRow,
  usageReservations,
} from "@driftlock/db";
import type { ItemStanding } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import { noSuchAccount } from "../auth/credential.ts";
import type { CatalogCache } from "../usage/catalog-cache.ts";
import type { FinishCommit, FinishEnding } from "../usage/finish-reservation.ts";
import { commitEventId, type ReservationSteps } from "../usage/reservation-steps.ts";
import { faultOfId } from "../usage/validate-event.ts";
import { toQuotaItem } from "./quota-item.ts";

export interface Reservations {
  /**
   * Keeps room for quantities, all or none. A repeat gives the first answer. @throws QUOTA_EXCEEDED (nothing is left of
   * it), UNKNOWN_METRIC, INVALID, RESERVATION_CONFLICT, ACCOUNT_NOT_FOUND, UNAVAILABLE.
   */
  hold(
    accountId: string,
    wish: { id: string; items: readonly ReservationItem[]; ttlSeconds: number },
  ): Promise<ReservationDto>;
  /**
   * Counts what was used of it and gives back the rest; by default all was. @throws RESERVATION_NOT_FOUND,
   * RESERVATION_ENDED, RESERVATION_CONFLICT, INVALID for more than is held, QUOTA_EXCEEDED where a limit has sunk since.
   */
  commit(accountId: string, id: string, items?: readonly ReservationItem[]): Promise<ReservationCommitDto>;
  /** Gives all of it back. @throws RESERVATION_NOT_FOUND, RESERVATION_ENDED for one that is committed. */
  release(accountId: string, id: string): Promise<ReservationEndDto>;
}

interface Deps {
  db: Db;
  clock: Clock;
  catalogCache: CatalogCache;
  steps: ReservationSteps;
  finishCommit: FinishCommit;
  finishEnding: FinishEnding;
}

/** Another request of the same id can change the row between two looks at it, a few times at most. */
const looksMax = 4;

export function createReservations(deps: Deps): Reservations {
  const { db, clock, steps, finishCommit, finishEnding } = deps;
  const reread = (row: ReservationRow) =>
    usageReservations.findReservation(db, row.accountId, row.reservationId);

  async function findReservation(accountId: string, id: string): Promise<ReservationRow | null> {
    const row = await usageReservations.findReservation(db, accountId, id);
    if (row === null && (await accounts.findAccount(db, accountId)) === null) throw noSuchAccount(accountId);
    return row;
  }

  async function getReservation(accountId: string, id: string): Promise<ReservationRow> {
    const row = await findReservation(accountId, id);
    if (row === null) throw noSuchReservation(id);
    return row;
  }

  /** Whether a row that is pending is held now; false where another request has changed it meanwhile. */
  async function tryHold(row: ReservationRow): Promise<ReservationRow | null> {
    const outcome = await steps.hold(row);
    if (outcome.isDone) {
      const held = await usageReservations.updateHeld(db, row.reservationNo, outcome.segmentEndsAt);
      // Whoever ended it meanwhile may have looked before it was there.
      if (held === null && !isKept(await reread(row), row)) await steps.end(row);
      return held;
    }
    const ending = await usageReservations.updateEnding(db, row.reservationNo, "refused");
    if (ending === null) return null;
    await finishEnding(ending);
    const { aggregations } = await deps.catalogCache.get();
    throw refusal(row.items, outcome.items, (metric) => aggregations.has(metric));
  }

  return {
    hold: async (accountId, { id, items, ttlSeconds }) => {
      const fault = faultOfId(id);
      if (fault !== null) throw invalid("body.id", fault);
      const merged = mergeItems(items);
      const { aggregations } = await deps.catalogCache.get();
      for (const { metric } of merged) assertSum(metric, aggregations.get(metric));
      const wish = { accountId, reservationId: id, items: merged, ttlSeconds };
      for (let looks = 0; looks < looksMax; looks++) {
        const pending = await usageReservations.upsertPending(db, { ...wish, now: clock.now() });
        const row = pending === null ? await findReservation(accountId, id) : await tryHold(pending);
        if (row === null) continue;
        if (row.ttlSeconds !== ttlSeconds || !isSame(row.items, merged)) throw conflict(id);
        if (row.outcome !== "refused" && row.state !== "pending") return toDto(row);
        if (row.state === "ending") await finishEnding(row);
      }
      throw busy();
    },

    commit: async (accountId, id, items) => {
      for (let looks = 0; looks < looksMax; looks++) {
        const row = await getReservation(accountId, id);
        const used = usedOf(row, items);
        if (row.state === "pending" || row.outcome === "refused") throw noSuchReservation(id);
        if (row.outcome !== null) throw ended(row);
        if (row.committedItems !== null && !isSame(row.committedItems, used)) throw conflict(id);
        if (row.state === "committed") return toCommitDto(row, used);
        const { reservationNo } = row;
        const now = clock.now();
        const committing =
          row.state === "committing"
            ? row
            : await usageReservations.updateCommitting(db, { reservationNo, items: used, now });
        if (committing !== null) {
          const refused = await finishCommit(committing);
          if (refused !== null)
            throw refusal(
              used.filter(({ quantity }) => quantity > 0),
              refused,
              () => true,
            );
          return toCommitDto(row, used);
        }
        if (row.expiresAt <= now) throw ended(row);
      }
      throw busy();
    },

    release: async (accountId, id) => {
      for (let looks = 0; looks < looksMax; looks++) {
        const row = await getReservation(accountId, id);
        if (row.committedItems !== null) throw ended(row);
        if (row.state === "released" || row.state === "expired") return { id, state: row.state };
        const outcome = row.state === "pending" ? "refused" : "released";
        const ending =
          row.state === "ending" ? row : await usageReservations.updateEnding(db, row.reservationNo, outcome);
        if (ending === null) continue;
        await finishEnding(ending);
        return { id, state: ending.outcome === "expired" ? "expired" : "released" };
      }
      throw busy();
    },
  };
}

/** Whether the row is still the same reservation, and holds. */
const isKept = (now: ReservationRow | null, before: ReservationRow): boolean =>
  now?.reservationNo === before.reservationNo && ["pending", "held", "committing"].includes(now.state);

const toDto = ({ reservationId, expiresAt }: ReservationRow): ReservationDto => ({
  id: reservationId,
  expiresAt: expiresAt.toISOString(),
});

const toCommitDto = (
  { reservationId }: ReservationRow,
  used: readonly ReservationItem[],
): ReservationCommitDto => ({
  id: reservationId,
  state: "committed",
  items: used.map(({ metric, quantity }) => ({
    metric,
    quantity,
    eventId: quantity === 0 ? null : commitEventId(reservationId, metric),
  })),
});

/** One item for each metric, in the order of names: what tells a repeat from another wish. */
function mergeItems(items: readonly ReservationItem[]): ReservationItem[] {
  const quantities = new Map<string, number>();
  for (const { metric, quantity } of items) quantities.set(metric, (quantities.get(metric) ?? 0) + quantity);
  const merged = [...quantities].map(([metric, quantity]) => ({ metric, quantity }));
  const tooLarge = merged.find(({ quantity }) => quantity > quantityMax);
  if (tooLarge) throw invalid("body.items", `${tooLarge.metric} adds up to more than ${quantityMax}`);
  return merged.sort((one, other) => (one.metric < other.metric ? -1 : 1));
}

/** What is committed of each metric that is held: what was said of it, 0 where nothing was, all where nothing was said. */
function usedOf(row: ReservationRow, items: readonly ReservationItem[] | undefined): ReservationItem[] {
  if (items === undefined) return row.items;
  const said = new Map(mergeItems(items).map(({ metric, quantity }) => [metric, quantity]));
  const used = row.items.map(({ metric }) => ({ metric, quantity: said.get(metric) ?? 0 }));
  for (const [metric, quantity] of said) {
    const held = row.items.find((item) => item.metric === metric)?.quantity ?? 0;
    if (quantity > held) throw invalid("body.items", `${metric}: ${quantity} is more than the ${held} held`);
  }
  return used;
}

const isSame = (one: readonly ReservationItem[], other: readonly ReservationItem[]): boolean =>
  one.length === other.length &&
  one.every((item, index) => {
    const { metric, quantity } = other[index] ?? {};
    return item.metric === metric && item.quantity === quantity;
  });

function assertSum(metric: string, aggregation: string | undefined): void {
  if (aggregation === undefined) throw new AppError("UNKNOWN_METRIC", `There is no metric "${metric}".`);
  if (aggregation !== "sum") throw invalid("body.items", `${metric} does not add up: only sums can be held`);
}

function refusal(
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

const invalid = (path: string, message: string): AppError =>
  new AppError("INVALID", `${path}: ${message}`, { extensions: { errors: [{ path, message }] } });
const noSuchReservation = (id: string): AppError =>
  new AppError("RESERVATION_NOT_FOUND", `There is no reservation "${id}".`);
const conflict = (id: string): AppError =>
  new AppError("RESERVATION_CONFLICT", `The reservation "${id}" was made or committed with something else.`);
const ended = ({ reservationId, state, outcome, expiresAt }: ReservationRow): AppError =>
  new AppError(
    "RESERVATION_ENDED",
    outcome === null && state !== "held"
      ? `The reservation "${reservationId}" is committed.`
      : `The reservation "${reservationId}" holds nothing any more: it was ${outcome ?? "expired"}.`,
    { extensions: { expiresAt: expiresAt.toISOString() } },
  );
const busy = (): AppError =>
  new AppError("UNAVAILABLE", "This reservation is being changed by another request; try again.", {
    retryAfterSeconds: 1,
  });
