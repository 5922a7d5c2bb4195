import { type Db, type ReservationRow, usageRecords, usageReservations } from "@driftlock/db";
import type { ItemStanding } from "@driftlock/redis";
import { commitEvents, type ReservationSteps } from "./reservation-steps.ts";

interface Deps {
  db: Db;
  steps: ReservationSteps;
}

/** Goes on with a row that is `committing`. @returns null once it is committed, or why it is held as before. */
export type FinishCommit = (row: ReservationRow) => Promise<ItemStanding[] | null>;

/** Goes on with a row that is `ending`. */
export type FinishEnding = (row: ReservationRow) => Promise<void>;

/**
 * A commit is Redis, then its row; who dies in between leaves a row that says `committing`, and doing all of it again
 * changes nothing. A refusal is asked of the records too: an event that was counted is never refused (DESIGN 2.3), and one
 * whose id was counted otherwise is a conflict.
 */
export const createFinishCommit =
  ({ db, steps }: Deps): FinishCommit =>
  async (row) => {
    const outcome = await steps.commit(row);
    if (!outcome.isDone) {
      const events = commitEvents(row);
      const known = new Map(
        (await usageRecords.listKnownEvents(db, events)).map(({ id, isSamePayload }) => [id, isSamePayload]),
      );
      if (!events.every(({ id }) => known.get(id) === true)) {
        await usageReservations.updateCommitRefused(db, row.reservationNo);
        return outcome.items.map((item, index) =>
          known.get(events[index]?.id ?? "") === false ? { ...item, verdict: "conflict" } : item,
        );
      }
      await steps.end(row);
    }
    await usageReservations.updateCommitted(db, row.reservationNo);
    return null;
  };

/** An ending is decided in its row, then done in Redis, then forgotten; a repeat of any part changes nothing. */
export const createFinishEnding =
  ({ db, steps }: Deps): FinishEnding =>
  async (row) => {
    await steps.end(row);
    await usageReservations.updateEnded(db, row.reservationNo);
  };
