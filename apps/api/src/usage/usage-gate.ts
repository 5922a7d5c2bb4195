import { AppError, type UsageEvent } from "@driftlock/contracts";
import {
  type AcceptMode,
  type AcceptUsageCall,
  acceptUsage,
  type Decision,
  type LiveUsage,
  partitionOf,
  readCounters,
  type RedisClient,
} from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { LoadAccounts } from "./account-loader.ts";
import type { WrittenEntry } from "./durability.ts";
import { createKnownLimits } from "./known-limits.ts";
import { createPartitionLine, type DecideLoad, type Load } from "./partition-line.ts";

export type GateDecision = Decision | { readonly verdict: "unknown-account"; readonly counter?: undefined };

export interface GateAnswer {
  decisions: GateDecision[];
  /** The entries of the streams that hold what was accepted. */
  written: WrittenEntry[];
}

export interface UsageGate {
  /**
   * Decides events and writes those that are accepted, by atomic calls for each partition; within a partition in their
   * order. Modes other than `each` take at most 1,000 events of one account.
   * @throws UNAVAILABLE: what was decided by then stays, and the same events sent again are duplicates.
   */
  decide(events: readonly UsageEvent[], mode: AcceptMode): Promise<GateAnswer>;
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
const unknownAccount: GateDecision = { verdict: "unknown-account" };

/** The events of a request that go to one partition, and their places in its answer. */
interface Share {
  events: UsageEvent[];
  places: number[];
  /** The whole request's; what is not decided is of an account that does not exist. */
  answer: GateDecision[];
}

export function createUsageGate(deps: Deps): UsageGate {
  const { redis, clock, wallNow, partitions, loadAccounts } = deps;
  const limits = createKnownLimits(deps);
  const accept = (call: Pick<AcceptUsageCall, "partition" | "mode" | "events" | "checks">) => {
    const nowMs = clock.now().getTime();
    const limitsOf = (accountId: string) => limits.find(accountId, nowMs);
    return acceptUsage(redis, { ...call, limitsOf, wallNowMs: wallNow() });
  };
  const { forget } = limits;
  const linesOf = (open: (partition: number) => DecideLoad) =>
    Array.from({ length: partitions }, (_, p) => open(p));
  const lines = {
    each: linesOf((partition) =>
      createPartitionLine({
        accept: (events) => accept({ partition, mode: "each", events }),
        forget,
        canSplit: true,
      }),
    ),
    check: linesOf((partition) =>
      createPartitionLine({
        accept: (events, checks) => accept({ partition, mode: "check", events, checks }),
        forget,
        canSplit: false,
      }),
    ),
    /** All or none: nobody else's events may be in the call. */
    all: linesOf((partition) => async (load) => {
      const outcome = await accept({ partition, mode: "all", events: load.events });
      if (outcome.outcome === "load") {
        forget(outcome.accountIds);
        return false;
      }
      load.decisions.push(...outcome.decisions);
      if (outcome.entry !== null) load.entries.push(outcome.entry);
      return true;
    }),
  };

  async function decideShare(partition: number, share: Share, mode: AcceptMode): Promise<Load["entries"]> {
    const decideLoad = lines[mode][partition];
    if (decideLoad === undefined) throw new Error(`there is no partition ${partition}`);
    const entries: Load["entries"] = [];
    let { events, places } = share;
    for (let loads = 0; loads < loadsMax; loads++) {
      const missing = findMissing(events);
      if (missing.length > 0) {
        const unknown = await limits.load(missing);
        const isKnown = (_: unknown, index: number) => !unknown.has(events[index]?.accountId ?? "");
        if (unknown.size > 0) [places, events] = [places.filter(isKnown), events.filter(isKnown)];
      }
      const load: Load = { events, decisions: [], entries };
      const isDecided = events.length === 0 || (await decideLoad(load));
      for (const [index, decision] of load.decisions.entries()) share.answer[places[index] ?? 0] = decision;
      if (isDecided) return entries;
      events = events.slice(load.decisions.length);
      places = places.slice(load.decisions.length);
    }
    throw unavailable();
  }

  function findMissing(events: readonly UsageEvent[]): string[] {
    const missing = new Set<string>();
    const nowMs = clock.now().getTime();
    let known = "";
    for (const { accountId } of events) {
      if (accountId === known) continue;
      if (limits.find(accountId, nowMs) === undefined) missing.add(accountId);
      known = accountId;
    }
    return [...missing];
  }

  function shareOut(events: readonly UsageEvent[], answer: GateDecision[]): (Share | undefined)[] {
    const shares: (Share | undefined)[] = [];
    let accountId = "";
    let share: Share | undefined;
    for (let place = 0; place < events.length; place++) {
      const event = events[place];
      if (event === undefined) continue;
      if (share === undefined || event.accountId !== accountId) {
        accountId = event.accountId;
        share = shares[partitionOf(accountId, partitions)] ??= { events: [], places: [], answer };
      }
      share.events.push(event);
      share.places.push(place);
    }
    return shares;
  }

  return {
    decide: async (events, mode) => {
      const decisions: GateDecision[] = events.map(() => unknownAccount);
      const written: WrittenEntry[] = [];
      await Promise.all(
        shareOut(events, decisions).map(async (share, partition) => {
          if (share === undefined) return;
          for (const entry of await decideShare(partition, share, mode))
            written.push({ partition, ...entry });
        }),
      );
      if (decisions.some(({ verdict }) => verdict === "no-period")) throw unavailable();
      return { decisions, written };
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
