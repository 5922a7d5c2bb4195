import type { UsageEvent } from "@driftlock/contracts";
import { type Db, usageIndexes, usageRecords } from "@driftlock/db";
import { partitionOf, readCommitted, type RedisClient, seenMsMin } from "@driftlock/redis";
import type { GateDecision } from "./usage-gate.ts";

/**
 * What was counted is never refused (DESIGN 2.3): a repeat that comes after the guard has forgotten it, and finds the
 * quota spent or the period closed, is looked up in the records. @returns the decisions, such ones as what they are.
 * Throws UNAVAILABLE.
 */
export type LookUpRefused = (
  events: readonly UsageEvent[],
  decisions: readonly GateDecision[],
) => Promise<readonly GateDecision[]>;

interface Deps {
  db: Db;
  redis: RedisClient;
  /** Of the installation. */
  partitions: number;
}

/**
 * So young, a generation without an index holds nothing that the guard may have forgotten, if Redis lives on as when it was
 * opened: what goes into it was accepted four tenths of the guard's time before at most (ADR 0037).
 */
const guardedMs = 0.5 * seenMsMin;

export function createLookUpRefused({ db, redis, partitions }: Deps): LookUpRefused {
  /** The generations without an index that are to be read through: not those whose ids the guard has seen pass. */
  async function findUnguarded(events: readonly UsageEvent[]): Promise<number[]> {
    const unindexed = await usageIndexes.listUnindexed(db);
    if (unindexed.length === 0) return [];
    const asked = [...new Set(events.map(({ accountId }) => partitionOf(accountId, partitions)))];
    const lives = await readCommitted(redis, asked);
    return unindexed
      .filter(
        ({ ageMs, epochs }) =>
          ageMs > guardedMs || asked.some((partition, index) => epochs[partition] !== lives[index]?.epoch),
      )
      .map(({ generation }) => generation);
  }

  return async (events, decisions) => {
    if (!decisions.some(isLookedUp)) return decisions;
    const refused = events.filter((_, index) => isLookedUp(decisions[index]));
    const found = await usageRecords.listKnownEvents(db, refused, await findUnguarded(refused));
    const known = new Map(
      found.map(({ accountId, id, isSamePayload }) => [`${accountId}\n${id}`, isSamePayload]),
    );
    return decisions.map((decision, index) => {
      const event = events[index];
      const isSame = event && isLookedUp(decision) ? known.get(`${event.accountId}\n${event.id}`) : undefined;
      if (isSame === undefined) return decision;
      const verdict = isSame ? "duplicate" : "conflict";
      return decision.counter === undefined ? { verdict } : { verdict, counter: decision.counter };
    });
  };
}

const isLookedUp = (decision: GateDecision | undefined): boolean =>
  decision?.verdict === "quota-exceeded" || decision?.verdict === "period-closed";
