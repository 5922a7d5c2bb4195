import { AppError, batchEventsMax, type UsageEvent } from "@driftlock/contracts";
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

const allPlaces = Uint32Array.from({ length: batchEventsMax }, (_, place) => place);
const first = allPlaces.subarray(0, 1);
/** Of the request that is shared out at the moment. */
const partitionsOfEvents = new Uint16Array(batchEventsMax);

/** The events of a request that go to one partition, and their places in its answer. */
interface Share {
  partition: number;
  events: readonly UsageEvent[];
  places: Uint32Array;
  /** The whole request's; what is not decided is of an account that does not exist. */
  answer: GateAnswer;
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
  const counts = new Uint32Array(partitions);
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

  async function decideShare(share: Share, mode: AcceptMode): Promise<void> {
    const { partition, answer } = share;
    const decideLoad = lines[mode][partition];
    if (decideLoad === undefined) throw new Error(`there is no partition ${partition}`);
    const entries: Load["entries"] = [];
    let { events, places } = share;
    for (let loads = 0; loads < loadsMax; loads++) {
      const missing = findMissing(events);
      if (missing !== null) {
        const unknown = await limits.load([...missing]);
        const isKnown = (_: unknown, index: number) => !unknown.has(events[index]?.accountId ?? "");
        if (unknown.size > 0) [places, events] = [places.filter(isKnown), events.filter(isKnown)];
      }
      const load: Load = { events, decisions: [], entries };
      const isDecided = events.length === 0 || (await decideLoad(load));
      const { decisions } = load;
      for (let at = 0; at < decisions.length; at++)
        answer.decisions[places[at] ?? 0] = decisions[at] ?? unknownAccount;
      if (isDecided) {
        for (const entry of entries) answer.written.push({ partition, ...entry });
        return;
      }
      events = events.slice(decisions.length);
      places = places.slice(decisions.length);
    }
    throw unavailable();
  }

  function findMissing(events: readonly UsageEvent[]): Set<string> | null {
    let missing: Set<string> | null = null;
    const nowMs = clock.now().getTime();
    let known = "";
    for (const { accountId } of events) {
      if (accountId === known) continue;
      if (limits.find(accountId, nowMs) === undefined) (missing ??= new Set()).add(accountId);
      known = accountId;
    }
    return missing;
  }

  function shareOut(events: readonly UsageEvent[], answer: GateAnswer): Share[] {
    let accountId: string | null = null;
    let partition = 0;
    counts.fill(0);
    for (let place = 0; place < events.length; place++) {
      const { accountId: itsAccountId } = events[place] as UsageEvent;
      if (itsAccountId !== accountId) {
        accountId = itsAccountId;
        partition = partitionOf(accountId, partitions);
      }
      partitionsOfEvents[place] = partition;
      counts[partition] = (counts[partition] as number) + 1;
    }
    if (counts[partition] === events.length)
      return events.length === 0 ? [] : [{ partition, events, places: inOrder(events.length), answer }];
    return Array.from(counts, (count, each) => shareOf(events, { partition: each, count, answer })).filter(
      (share) => share.events.length > 0,
    );
  }

  return {
    decide: async (events, mode) => {
      const answer: GateAnswer = { decisions: events.map(() => unknownAccount), written: [] };
      const shares = shareOut(events, answer);
      const [only] = shares;
      // Most requests are of one account: they need no array of promises.
      if (shares.length === 1 && only !== undefined) await decideShare(only, mode);
      else await Promise.all(shares.map((share) => decideShare(share, mode)));
      for (const { verdict } of answer.decisions) if (verdict === "no-period") throw unavailable();
      return answer;
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

/** The events of a partition, by what `shareOut` found. */
function shareOf(
  all: readonly UsageEvent[],
  { partition, count, answer }: { partition: number; count: number; answer: GateAnswer },
): Share {
  // oxlint-disable-next-line unicorn/no-new-array -- of its size at once: one that grows is copied as it does
  const events = new Array<UsageEvent>(count);
  const places = new Uint32Array(count);
  let at = 0;
  for (let place = 0; at < count; place++) {
    if (partitionsOfEvents[place] !== partition) continue;
    events[at] = all[place] as UsageEvent;
    places[at++] = place;
  }
  return { partition, events, places, answer };
}

const inOrder = (count: number): Uint32Array => (count === 1 ? first : allPlaces.subarray(0, count));

const unavailable = () =>
  new AppError("UNAVAILABLE", "The account's usage is not known at the moment; try again.", {
    retryAfterSeconds: 2,
  });
