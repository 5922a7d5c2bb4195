import { eventAgeMaxMs } from "@driftlock/contracts";
import { type Db, type ReservationRow, usageReservations } from "@driftlock/db";
import { listOverdueHolds, type RedisClient } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { FinishCommit, FinishEnding } from "./finish-reservation.ts";
import type { ReservationSteps } from "./reservation-steps.ts";

export interface ReservationKeeper {
  /** Ends what has expired, and goes on with what a process that died has left. Any number of gateways may do so. */
  keep(): Promise<void>;
  /** Gives back in Redis what no open row stands for, and forgets rows that ended long ago. */
  sweep(): Promise<void>;
}

interface Deps {
  db: Db;
  redis: RedisClient;
  clock: Clock;
  partitions: number;
  steps: Pick<ReservationSteps, "end">;
  finishCommit: FinishCommit;
  finishEnding: FinishEnding;
}

const atOnceMax = 500;
const parallelMax = 20;
/** The usual end comes within a second; what is left after that was left by a death. */
const overdueMs = 60_000;

export function createReservationKeeper(deps: Deps): ReservationKeeper {
  const { db, redis, clock, partitions } = deps;

  const finish = (row: ReservationRow) =>
    row.state === "committing" ? deps.finishCommit(row) : deps.finishEnding(row);

  async function sweepPartition(partition: number): Promise<void> {
    const beforeMs = clock.now().getTime() - overdueMs;
    let cursor = "0";
    do {
      const page = await listOverdueHolds(redis, { partition, cursor, beforeMs });
      const open = await usageReservations.listOpenNos(
        db,
        page.holds.map(({ reservationNo }) => reservationNo),
      );
      for (const hold of page.holds) if (!open.has(hold.reservationNo)) await deps.steps.end(hold);
      cursor = page.cursor;
    } while (cursor !== "0");
  }

  return {
    keep: async () => {
      const expired = await usageReservations.claimExpired(db, clock.now(), atOnceMax);
      const unfinished = await usageReservations.claimUnfinished(db, atOnceMax);
      await forEach([...expired, ...unfinished], finish);
    },
    sweep: async () => {
      await forEach([...Array(partitions).keys()], sweepPartition);
      await usageReservations.deleteEnded(db, new Date(clock.now().getTime() - eventAgeMaxMs), 10_000);
    },
  };
}

/** One that fails holds up no other; the first failure is thrown when all are through. */
async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const item of queue) await work(item).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: parallelMax }, worker));
  if (failures.length > 0) throw failures[0];
}
