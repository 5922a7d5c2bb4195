import type { ReservationCommitDto, ReservationDto, ReservationEndDto } from "@driftlock/contracts";
import {
  accounts,
  type Db,
  type ReservationItem,
  type ReservationRow,
  usageReservations,
} from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import { noSuchAccount } from "../auth/credential.ts";
import type { CatalogCache } from "../usage/catalog-cache.ts";
import type { FinishCommit, FinishEnding } from "../usage/finish-reservation.ts";
import { commitEventId, type ReservationSteps, usedItems } from "../usage/reservation-steps.ts";
import { faultOfId } from "../usage/validate-event.ts";
import { busy, conflict, ended, invalid, noSuchReservation, refusal } from "./reservation-faults.ts";
import { assertSum, isSame, mergeItems, usedOf } from "./reservation-items.ts";

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
   * RESERVATION_ENDED, RESERVATION_CONFLICT, INVALID for more than is held, QUOTA_EXCEEDED where a limit has sunk since,
   * EVENT_CONFLICT where one of its events' ids was used otherwise, BACKLOG_FULL: it is counted once there is room.
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

export const createReservations = (deps: Deps): Reservations => ({
  hold: createHold(deps),
  commit: createCommit(deps),
  release: createRelease(deps),
});

function createHold({ db, clock, catalogCache, steps, finishEnding }: Deps): Reservations["hold"] {
  /** Whether a row that is pending is held now; false where another request has changed it meanwhile. */
  async function tryHold(row: ReservationRow): Promise<ReservationRow | null> {
    const outcome = await steps.hold(row);
    if (outcome.isDone) {
      const held = await usageReservations.updateHeld(db, row.reservationNo, outcome.segmentEndsAt);
      // Whoever ended it meanwhile may have looked before it was there.
      if (
        held === null &&
        !isKept(await usageReservations.findReservation(db, row.accountId, row.reservationId), row)
      )
        await steps.end(row);
      return held;
    }
    const ending = await usageReservations.updateEnding(db, row.reservationNo, "refused");
    if (ending === null) return null;
    await finishEnding(ending);
    const { aggregations } = await catalogCache.get();
    throw refusal(row.items, outcome.items, (metric) => aggregations.has(metric));
  }

  return async (accountId, { id, items, ttlSeconds }) => {
    const fault = faultOfId(id);
    if (fault !== null) throw invalid("body.id", fault);
    const merged = mergeItems(items);
    const { aggregations } = await catalogCache.get();
    for (const { metric } of merged) assertSum(metric, aggregations.get(metric));
    const wish = { accountId, reservationId: id, items: merged, ttlSeconds };
    for (let looks = 0; looks < looksMax; looks++) {
      const pending = await usageReservations.upsertPending(db, { ...wish, now: clock.now() });
      const row = pending === null ? await findReservation(db, accountId, id) : await tryHold(pending);
      if (row === null) continue;
      if (row.ttlSeconds !== ttlSeconds || !isSame(row.items, merged)) throw conflict(id);
      if (row.outcome !== "refused" && row.state !== "pending") return toDto(row);
      if (row.state === "ending") await finishEnding(row);
    }
    throw busy();
  };
}

function createCommit({ db, clock, finishCommit }: Deps): Reservations["commit"] {
  return async (accountId, id, items) => {
    for (let looks = 0; looks < looksMax; looks++) {
      const row = await getReservation(db, accountId, id);
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
        if (refused !== null) throw refusal(usedItems(used), refused, () => true);
        return toCommitDto(row, used);
      }
      if (row.expiresAt <= now) throw ended(row);
    }
    throw busy();
  };
}

function createRelease({ db, finishEnding }: Deps): Reservations["release"] {
  return async (accountId, id) => {
    for (let looks = 0; looks < looksMax; looks++) {
      const row = await getReservation(db, accountId, id);
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
  };
}

async function findReservation(db: Db, accountId: string, id: string): Promise<ReservationRow | null> {
  const row = await usageReservations.findReservation(db, accountId, id);
  if (row === null && (await accounts.findAccount(db, accountId)) === null) throw noSuchAccount(accountId);
  return row;
}

async function getReservation(db: Db, accountId: string, id: string): Promise<ReservationRow> {
  const row = await findReservation(db, accountId, id);
  if (row === null) throw noSuchReservation(id);
  return row;
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
