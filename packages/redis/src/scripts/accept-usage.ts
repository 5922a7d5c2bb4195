import type { UsageEvent } from "@driftlock/contracts";
import type { RedisClient } from "../connection.ts";
import { loadWrittenScript } from "../script-call.ts";
import { findSegment } from "../resolved-limits.ts";
import { type AcceptPlan, type AcceptUsageCall, planCall, writeCall } from "./accept-call.ts";
import type { StreamPosition } from "./seed-counters.ts";

/** By the script's numbers. `not-in-plan`: the plan says nothing of the metric, which is a refusal. */
export const verdicts = [
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

export interface Decision {
  readonly verdict: Verdict;
  /** Where the event's counter stands; told for refused events, and for all in the modes `all` and `check`. */
  readonly counter?: CounterStanding;
}

export interface CounterStanding {
  readonly used: number;
  /** What reservations hold on top of it. */
  readonly held: number;
  readonly limit: number | null;
  /** Where a spend cap ends it. */
  readonly hardLimit: number | null;
  readonly resetsAtMs: number | null;
}

export type AcceptOutcome =
  /** `entry` is what was written, null for nothing. */
  | { outcome: "decided"; decisions: Decision[]; entry: StreamPosition | null }
  /** Nothing was done: limits or counters of these accounts are missing or too old. */
  | { outcome: "load"; accountIds: string[] };

const script = loadWrittenScript("accept-usage");
const conflictCode = 2;
const accepted: Decision = { verdict: "accepted" };

type Reply =
  | [kind: 0, epoch: string, marks: string[]]
  | [kind: 1, streamId: string, repeats: number[]]
  | [kind: 2, streamId: string, verdicts: string, used: number[], held: number[]];

/** One atomic decision on events of one partition. Throws UNAVAILABLE; a repeat is then answered by the guard. */
export async function acceptUsage(redis: RedisClient, call: AcceptUsageCall): Promise<AcceptOutcome> {
  const plan = planCall(call);
  if ("missing" in plan) return { outcome: "load", accountIds: plan.missing };
  const written = writeCall(script, call, plan);
  const reply = (await script.send(redis, written.call, written.keys)) as Reply;
  if (reply[0] === 0) return { outcome: "load", accountIds: findStale(plan, reply[1], reply[2]) };
  const [, streamId] = reply;
  const entry = streamId === "" ? null : { epoch: plan.epoch, streamId };
  const decisions =
    reply[0] === 1
      ? readRepeats(call.events, reply[2])
      : readDecisions({ call, plan, codes: reply[2], used: reply[3], held: reply[4] });
  return { outcome: "decided", decisions, entry };
}

/** All of them where another epoch has begun. */
const findStale = (plan: AcceptPlan, epoch: string, marks: readonly string[]): string[] =>
  plan.accounts
    .filter(({ mark }, index) => epoch !== plan.epoch || marks[index] !== mark)
    .map(({ limits }) => limits.accountId);

/** All accepted, but these: place, from 1, and verdict. */
function readRepeats(events: readonly UsageEvent[], repeats: readonly number[]): Decision[] {
  const decisions = events.map(() => accepted);
  for (let at = 0; at < repeats.length; at += 2) {
    const verdict = verdicts[repeats[at + 1] ?? -1];
    if (verdict === undefined) throw new Error(`accept-usage.lua told of repeats ${repeats.join()}`);
    decisions[(repeats[at] ?? 0) - 1] = { verdict };
  }
  return decisions;
}

interface Decided {
  call: AcceptUsageCall;
  plan: AcceptPlan;
  codes: string;
  used: readonly number[];
  held: readonly number[];
}

function readDecisions(decided: Decided): Decision[] {
  const isToldAlways = decided.call.mode !== "each";
  return decided.call.events.map((_, index) => {
    const code = decided.codes.charCodeAt(index) - 48;
    const verdict = verdicts[code];
    if (verdict === undefined) throw new Error(`accept-usage.lua decided ${decided.codes}`);
    if (code > conflictCode || isToldAlways) return { verdict, counter: standingOf(decided, index) };
    return code === 0 ? accepted : { verdict };
  });
}

function standingOf({ call, plan, used, held }: Decided, index: number): CounterStanding {
  const place = (plan.places[index] ?? 0) - 1;
  const counter = plan.counters[place];
  if (counter !== undefined) {
    const { limit, hardLimit } = counter.limit;
    const resetsAtMs = counter.segment.endMs;
    return { used: used[place] ?? 0, held: held[place] ?? 0, limit, hardLimit, resetsAtMs };
  }
  const event = call.events[index];
  const limits = event && call.limitsOf(event.accountId)?.limits;
  const segment = event && limits ? findSegment(limits.segments, event.occurredAtMs) : null;
  return { used: 0, held: 0, limit: 0, hardLimit: null, resetsAtMs: segment?.endMs ?? null };
}
