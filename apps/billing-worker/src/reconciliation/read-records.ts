import { createHash } from "node:crypto";
import { usageDigestText } from "@driftlock/contracts";
import { type Db, usageIndexes, usageReadings, usageRecordPages } from "@driftlock/db";
import { addToReading, type ReadRecord, type ReadSums } from "@driftlock/domain";
import type { Clock, Logger } from "@driftlock/runtime";
import { endReading } from "./end-reading.ts";

const pageRecords = 5_000;
/** What one tick reads at most; the next goes on. */
const pagesMax = 20;
/** Outlives a page by far. */
const leaseMs = 30_000;
/** A table without an index through which a page reads in some hundredths of a second. */
const readThroughBytesMax = 16 * 2 ** 20;
/** In which most such tables get their index by themselves. */
const patienceMs = 10 * 60 * 1000;

export type Reading = usageReadings.UsageReadingRow<ReadSums>;

export interface ReadDeps {
  db: Db;
  wallClock: Clock;
  log: Logger;
}

/**
 * Reads on in the period that waits longest, page by page; each page is kept, so that a process that dies leaves the
 * rest to another. What is stored meanwhile may be missed or not: the totals before and after tell (`endReading`).
 */
export async function readRecords(deps: ReadDeps): Promise<void> {
  const { db } = deps;
  let reading = await usageReadings.claimReading<ReadSums>(db, leaseMs);
  if (reading !== null && (await isToWait(deps, reading))) return;
  for (let pages = 0; reading !== null && pages < pagesMax; pages += 1) {
    const { accountId } = reading;
    const last = await usageRecordPages.findLastId(db, accountId);
    const page = last === null ? null : await readPage(db, reading, last.id);
    if (page === null) return endReading(deps, reading);
    reading = await keepPage(db, reading, page, pages + 1 < pagesMax ? leaseMs : 0);
  }
}

/**
 * Nobody waits for a reading, and the index of a generation that is written would cost each event that comes (ADR 0037): so
 * it is asked for only where usage has not rested for minutes. All that wait are read then, while there is one.
 */
async function isToWait({ db, wallClock }: ReadDeps, { beganAt }: Reading): Promise<boolean> {
  const unindexed = await usageIndexes.listUnindexed(db);
  if (unindexed.every(({ bytes }) => bytes < readThroughBytesMax)) return false;
  if (wallClock.now().getTime() - beganAt.getTime() < patienceMs) return true;
  await usageIndexes.askForIndexes(db);
  return false;
}

interface Page {
  afterId: string;
  sums: ReadSums;
}

/** Null where nothing is left. */
async function readPage(db: Db, reading: Reading, throughId: string): Promise<Page | null> {
  const { accountId, spans, sums, afterId } = reading;
  const froms = spans.map(({ from }) => Date.parse(from));
  const untils = spans.map(({ until }) => Date.parse(until));
  const page = await usageRecordPages.listPage(
    db,
    { accountId, metric: null, from: new Date(Math.min(...froms)), to: new Date(Math.max(...untils)) },
    { afterId, throughId, scanMax: pageRecords },
  );
  if (page.lastId === null) return null;
  const records = page.rows
    .filter(({ occurredAt }) => froms.some((from, index) => holds(occurredAt, from, untils[index] ?? from)))
    .map((row): ReadRecord => {
      const { id, metric, quantity, occurredAt } = row;
      const isOfPeriod = occurredAt >= reading.periodStart && occurredAt < reading.periodEnd;
      const text = usageDigestText({ accountId, metric, quantity, id });
      return {
        metric,
        quantity,
        occurredAtMs: occurredAt.getTime(),
        receivedAtMs: row.receivedAt.getTime(),
        sha256Hex: isOfPeriod ? createHash("sha256").update(text).digest("hex") : null,
      };
    });
  return { afterId: page.lastId, sums: addToReading(sums, records) };
}

const holds = (at: Date, fromMs: number, untilMs: number): boolean =>
  at.getTime() >= fromMs && at.getTime() < untilMs;

/** Null where another worker went on with it, which has the rest. */
async function keepPage(db: Db, reading: Reading, page: Page, forMs: number): Promise<Reading | null> {
  const kept = await usageReadings.updateReadingStep(db, reading, { ...page, leaseMs: forMs });
  return kept === 0 ? null : { ...reading, ...page };
}
