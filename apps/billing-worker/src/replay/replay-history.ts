import {
  accounts,
  catalog,
  createDb,
  type Db,
  openScratchDatabases,
  replays,
  type ScratchDatabases,
  stripeObjects,
} from "@driftlock/db";
import { createRandom, type Clock, type Logger } from "@driftlock/runtime";
import type { Stripe } from "@driftlock/stripe";
import type { RecordedHistory } from "./choose-history.ts";
import { type ComparedRow, type Comparison, compareRows } from "./compare-rows.ts";
import { readStanding } from "./read-standing.ts";
import { replayEvents } from "./replay-events.ts";
import { shuffleEvents } from "./shuffle-events.ts";

export interface ReplayDeps {
  /** The installation's, which is only read. */
  db: Db;
  databaseUrl: string;
  /** Reads only. */
  stripe: Stripe;
  clock: Clock;
  isLive: boolean;
  log: Logger;
}

export interface ReplayWish {
  /** Null: in their order, each once. */
  seed: number | null;
  times: number;
}

/**
 * Replays a history so many times, each in a database of its own, and compares what comes of it with what the
 * installation has. @throws what openScratchDatabases, Stripe and the database throw.
 */
export async function replayHistory(
  deps: ReplayDeps,
  history: RecordedHistory,
  { seed, times }: ReplayWish,
): Promise<Comparison[]> {
  const scratch = await openScratchDatabases(deps.databaseUrl, "replay");
  try {
    const customerIds = await prepareTemplate(deps, scratch, history.accountIds);
    const comparisons: Comparison[] = [];
    for (let run = 0; run < times; run++)
      comparisons.push(
        await replayOnce(deps, { scratch, history, customerIds, seed: seed === null ? null : seed + run }),
      );
    return comparisons;
  } finally {
    await scratch.close();
  }
}

const openScratch = (connectionString: string): Db =>
  createDb({ connectionString, applicationName: "driftlock-replay", connectionsMax: 4 });

/** Our set-up, and the accounts as they were before any event: on Free, tied to their customers, which we made. */
async function prepareTemplate(
  { db }: ReplayDeps,
  { templateUrl }: ScratchDatabases,
  accountIds: readonly string[],
): Promise<string[]> {
  const template = openScratch(templateUrl);
  try {
    await replays.copySetUp(db, template);
    const freePlanVersion =
      (await catalog.listPlans(db)).find(({ planId, isCurrent }) => planId === "free" && isCurrent)
        ?.version ?? 1;
    const customerIds: string[] = [];
    for (const accountId of accountIds) {
      const account = await accounts.findAccount(db, accountId);
      if (account === null) continue;
      const now = account.createdAt;
      // Without periods: the first subscription tiles all of its time.
      await accounts.insertAccount(template, {
        ...{ accountId, name: null, email: null, now, freePlanVersion, periods: [] },
      });
      const customerId = account.stripeCustomerId ?? (await stripeObjects.findDeletedCustomer(db, accountId));
      if (customerId === null) continue;
      await accounts.updateAccountCustomer(template, accountId, customerId);
      customerIds.push(customerId);
    }
    return customerIds;
  } finally {
    await template.end();
  }
}

interface Run {
  scratch: ScratchDatabases;
  history: RecordedHistory;
  customerIds: readonly string[];
  seed: number | null;
}

async function replayOnce(
  deps: ReplayDeps,
  { scratch, history, customerIds, seed }: Run,
): Promise<Comparison> {
  const { accountIds, hints, isWhole } = history;
  const copy = await scratch.copy();
  const db = openScratch(copy.url);
  try {
    const random = seed === null ? null : createRandom(seed);
    const ordered = random === null ? hints : shuffleEvents(hints, random);
    const failures = await replayEvents({ ...deps, db }, ordered, random);
    await replays.copyGivenUpCases(deps.db, db, accountIds);
    const unreadable = new Set(
      await replays.listUnreadableObjects(deps.db, { accountIds, stripeCustomerIds: customerIds }),
    );
    const reached = new Set(await replays.listReachedObjects(db));
    const isExpected = ({ id }: ComparedRow) => !unreadable.has(id) && (isWhole || reached.has(id));
    const rows = (of: Db) => listRows(of, history);
    return compareRows(await rows(deps.db), await rows(db), { isExpected, failures });
  } finally {
    await db.end();
    await copy.drop();
  }
}

/** What is mirrored, and what it comes to; of the latter a part of the events says nothing. */
async function listRows(db: Db, { accountIds, isWhole }: RecordedHistory): Promise<ComparedRow[]> {
  const mirrored = await replays.listMirroredRows(db, accountIds);
  if (!isWhole) return mirrored.filter(({ kind }) => kind !== "account");
  const standings = accountIds.map(async (accountId): Promise<ComparedRow> => {
    const fields = await readStanding(db, accountId);
    return { kind: "standing", id: accountId, accountId, fields };
  });
  return [...mirrored, ...(await Promise.all(standings))];
}
