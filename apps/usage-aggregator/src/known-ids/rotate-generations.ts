import { type Db, usageGenerations } from "@driftlock/db";
import type { Clock, Logger } from "@driftlock/runtime";

interface Deps {
  db: Db;
  clock: Clock;
  log: Logger;
  /** Of the current generation's table: past either of the two the next begins. */
  tableBytesMax: number;
  ageMsMax: number;
}

/** Seals the current generation of records where it is large or old enough. Any number of processes may try. */
export async function rotateGenerations({ db, clock, log, tableBytesMax, ageMsMax }: Deps): Promise<void> {
  const { generation, openedAt, tableBytes } = await usageGenerations.findCurrent(db);
  const now = clock.now();
  if (openedAt === null) await usageGenerations.updateOpened(db, generation, now);
  const isOld = openedAt !== null && tableBytes > 0 && now.getTime() - openedAt.getTime() >= ageMsMax;
  if (!isOld && tableBytes < tableBytesMax) return;
  const startedAt = performance.now();
  const isRotated = await db.transaction((tx) => usageGenerations.rotate(tx, generation, now));
  const seconds = (performance.now() - startedAt) / 1_000;
  if (isRotated) log.info({ generation, tableBytes, seconds }, "usage-generation.sealed");
}
