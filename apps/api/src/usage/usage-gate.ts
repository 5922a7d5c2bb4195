import { AppError, type UsageEvent } from "@driftlock/contracts";
import {
  type AcceptMode,
  acceptUsage,
  callEventsMax,
  type Decision,
  type LiveUsage,
  partitionOf,
  readCounters,
  type RedisClient,
} from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { LoadAccounts } from "./account-loader.ts";

export type GateDecision = Decision | { verdict: "unknown-account" };

export interface UsageGate {
  /**
   * Decides events and writes those that are accepted, one atomic call for each partition; within a partition in their
   * order. Modes other than `each` take events of one account, at most 1,000. @throws UNAVAILABLE: what was decided by
   * then stays, and the same events sent again are duplicates.
   */
  decide(events: readonly UsageEvent[], mode: AcceptMode): Promise<GateDecision[]>;
  /** The account's limits and live counters. @throws ACCOUNT_NOT_FOUND, UNAVAILABLE. */
  read(accountId: string): Promise<LiveUsage>;
}

interface Deps {
  redis: RedisClient;
  clock: Clock;
  wallNow: () => number;
  partitions: number;
  loadAccounts: LoadAccounts;
}

/** Counters can be lost again between loading them and the next call; more often in a row is a fault. */
const loadsMax = 5;

export function createUsageGate({ redis, clock, wallNow, partitions, loadAccounts }: Deps): UsageGate {
  async function decideCall(
    partition: number,
    events: readonly UsageEvent[],
    mode: AcceptMode,
  ): Promise<GateDecision[]> {
    const unknown = new Set<string>();
    for (let loads = 0; loads < loadsMax; loads++) {
      const known = events.filter(({ accountId }) => !unknown.has(accountId));
      const outcome =
        known.length === 0
          ? { outcome: "decided" as const, decisions: [] }
          : await acceptUsage(redis, {
              partition,
              mode,
              events: known,
              nowMs: clock.now().getTime(),
              wallNowMs: wallNow(),
            });
      if (outcome.outcome === "decided") {
        const decisions = outcome.decisions.values();
        return events.map(({ accountId }) =>
          unknown.has(accountId) ? { verdict: "unknown-account" } : (decisions.next().value ?? missing()),
        );
      }
      for (const accountId of await loadAccounts(outcome.accountIds)) unknown.add(accountId);
    }
    throw unavailable();
  }

  return {
    decide: async (events, mode) => {
      const decisions: GateDecision[] = [];
      const byPartition = Map.groupBy(events.keys(), (index) =>
        partitionOf(events[index]?.accountId ?? "", partitions),
      );
      await Promise.all(
        [...byPartition].map(async ([partition, indexes]) => {
          for (let at = 0; at < indexes.length; at += callEventsMax) {
            const call = indexes.slice(at, at + callEventsMax);
            const called = call.flatMap((index) => events[index] ?? []);
            for (const [place, decision] of (await decideCall(partition, called, mode)).entries()) {
              decisions[call[place] ?? 0] = decision;
            }
          }
        }),
      );
      if (decisions.some(({ verdict }) => verdict === "no-period")) throw unavailable();
      return decisions;
    },
    read: async (accountId) => {
      const partition = partitionOf(accountId, partitions);
      for (let loads = 0; loads < loadsMax; loads++) {
        const live = await readCounters(redis, { partition, accountId, nowMs: clock.now().getTime() });
        if (live !== null) return live;
        const unknown = await loadAccounts([accountId]);
        if (unknown.has(accountId))
          throw new AppError("ACCOUNT_NOT_FOUND", `There is no account "${accountId}".`);
      }
      throw unavailable();
    },
  };
}

const unavailable = () =>
  new AppError("UNAVAILABLE", "The account's usage is not known at the moment; try again.", {
    retryAfterSeconds: 2,
  });

function missing(): never {
  throw new Error("Redis decided fewer events than it was given");
}
