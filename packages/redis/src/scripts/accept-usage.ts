import { createHash } from "node:crypto";
import type { UsageEvent } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { keys } from "../keys.ts";
import { toRecord } from "../record.ts";
import { loadScript } from "../script.ts";

/** Larger calls would hold up everybody else's (DESIGN 4.1). */
export const callEventsMax = 1_000;

/** By the script's numbers. `not-in-plan`: the plan says nothing of the metric, which is a refusal. */
const verdicts = [
  "accepted",
  "duplicate",
  "conflict",
  "quota-exceeded",
  "total-too-large",
  "period-closed",
  "not-in-plan",
  "no-period",
] as const;
export type Verdict = (typeof verdicts)[number];

/** `each`: what fits, in order. `all`: all or none. `check`: nothing is written and no id is looked at. */
export type AcceptMode = "each" | "all" | "check";

export interface Decision {
  verdict: Verdict;
  /** Where the event's counter stands; told for refused events, and for all in the modes `all` and `check`. */
  counter?: { used: number; limit: number | null; resetsAtMs: number | null };
}

export type AcceptOutcome =
  | { outcome: "decided"; decisions: Decision[] }
  /** Nothing was done: limits or counters of these accounts are missing or too old. */
  | { outcome: "load"; accountIds: string[] };

interface AcceptUsageCall {
  partition: number;
  mode: AcceptMode;
  /** All of this partition's accounts, at most `callEventsMax`. */
  events: readonly UsageEvent[];
  nowMs: number;
  /** Rotates the buckets of seen ids; transport time. */
  wallNowMs: number;
}

const bucketMs = 10 * 60 * 1000;
const seenKeptSeconds = (2 * bucketMs) / 1000 + 60;
const script = loadScript("accept-usage");

type Reply = ["load", number[]] | ["done", number[], number[]];

/** One atomic decision on events of one partition. Throws UNAVAILABLE; a repeat is then answered by the guard. */
export async function acceptUsage(redis: RedisClient, call: AcceptUsageCall): Promise<AcceptOutcome> {
  const { partition, events } = call;
  const accountIds = [...new Set(events.map(({ accountId }) => accountId))];
  const accountNumbers = new Map(accountIds.map((accountId, index) => [accountId, index + 1]));
  const bucket = Math.floor(call.wallNowMs / bucketMs);
  const reply = (await script(
    redis,
    [
      keys.meta(partition),
      keys.stream(partition),
      keys.seen(partition, bucket),
      keys.seen(partition, bucket - 1),
      ...accountIds.flatMap((id) => [keys.limits(partition, id), keys.live(partition, id)]),
    ],
    [
      call.mode,
      call.nowMs,
      seenKeptSeconds,
      accountIds.length,
      ...accountIds,
      ...events.flatMap((event) => [
        accountNumbers.get(event.accountId) ?? 0,
        event.metric,
        event.quantity,
        event.occurredAtMs,
        call.mode === "check" ? "" : hashId(event),
        event.payloadHash,
        call.mode === "check" ? "" : toRecord(event),
      ]),
    ],
  )) as Reply;
  if (reply[0] === "load") {
    return { outcome: "load", accountIds: reply[1].map((number) => accountIds[number - 1] ?? "") };
  }
  return { outcome: "decided", decisions: readDecisions(reply[1], reply[2]) };
}

/** 132 bits: an accidental match would lose an event. */
function hashId({ accountId, id }: UsageEvent): string {
  return createHash("sha256").update(`${accountId}\n${id}`).digest("base64url").slice(0, 22);
}

function readDecisions(codes: readonly number[], details: readonly number[]): Decision[] {
  const decisions = codes.map((code): Decision => ({ verdict: verdicts[code] ?? "no-period" }));
  for (let at = 0; at < details.length; at += 4) {
    const [number = 0, used = 0, limit = -1, endMs = 0] = details.slice(at, at + 4);
    const decision = decisions[number - 1];
    if (decision) {
      decision.counter = {
        used,
        limit: limit === -1 ? null : limit,
        resetsAtMs: endMs === 0 ? null : endMs,
      };
    }
  }
  return decisions;
}
