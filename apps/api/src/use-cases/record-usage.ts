import { type UsageEvent, type UsageOutcome } from "@driftlock/contracts";
import type { CounterStanding } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import type { CatalogCache } from "../usage/catalog-cache.ts";
import type { LookUpRefused } from "../usage/look-up-refused.ts";
import { UnreadableItem } from "../usage/parse-usage-body.ts";
import type { GateDecision, UsageGate } from "../usage/usage-gate.ts";
import { type FaultyEvent, validateEvent } from "../usage/validate-event.ts";

/** An event that was not counted now. */
export interface RefusedEvent {
  /** Null where none could be read. */
  id: string | null;
  outcome: UsageOutcome;
  detail: string;
  /** When more fits again: for `quota-exceeded`. */
  resetsAt: Date | null;
}

/**
 * Judges events one by one, in their order, and counts those that are accepted. `accountId` is the credential's own;
 * null acts for any account and names it in each event. Sending the same again is always safe.
 * @returns for each of them the event itself where it was accepted, which is most often, else what became of it.
 * @throws UNAVAILABLE: some may have been accepted by then; sent again they are duplicates.
 */
export type RecordUsage = (
  caller: { accountId: string | null },
  items: readonly unknown[],
) => Promise<(UsageEvent | RefusedEvent)[]>;

interface Deps {
  clock: Clock;
  catalogCache: CatalogCache;
  gate: UsageGate;
  lookUpRefused: LookUpRefused;
}

export function createRecordUsage({ clock, catalogCache, gate, lookUpRefused }: Deps): RecordUsage {
  return async (caller, items) => {
    const context = {
      nowMs: clock.now().getTime(),
      ownAccountId: caller.accountId,
      catalog: await catalogCache.get(),
    };
    const events: UsageEvent[] = [];
    const validated = items.map((item): UsageEvent | FaultyEvent => {
      const each = item instanceof UnreadableItem ? toFaulty(item) : validateEvent(item, context);
      if (!("fault" in each)) events.push(each);
      return each;
    });
    const decided = await gate.decide(events, "each");
    const decisions = await lookUpRefused(events, decided.decisions);
    let at = 0;
    return validated.map((each) => {
      if ("fault" in each) return { id: each.id, outcome: each.fault, detail: each.detail, resetsAt: null };
      const decision = decisions[at++];
      if (decision === undefined) throw new Error("an event was not decided");
      return decision.verdict === "accepted" ? each : describeRefusal(each, decision);
    });
  };
}

const toFaulty = ({ detail, id }: UnreadableItem): FaultyEvent => ({ fault: "invalid", detail, id });

function describeRefusal(event: UsageEvent, decision: GateDecision): RefusedEvent {
  const resetsAtMs = decision.counter?.resetsAtMs ?? null;
  const resetsAt = resetsAtMs === null ? null : new Date(resetsAtMs);
  const outcome = outcomeOf(decision);
  return {
    id: event.id,
    outcome,
    detail: detailOf(event, decision),
    resetsAt: outcome === "quota-exceeded" ? resetsAt : null,
  };
}

function outcomeOf({ verdict }: GateDecision): UsageOutcome {
  switch (verdict) {
    case "total-too-large":
      return "invalid";
    case "not-in-plan":
      return "quota-exceeded";
    case "accepted":
    case "no-period":
      throw new Error(`an event that is ${verdict} is not refused`);
    default:
      return verdict;
  }
}

function detailOf(event: UsageEvent, decision: GateDecision): string {
  switch (decision.verdict) {
    case "duplicate":
      return "this event was counted before; nothing was counted again";
    case "conflict":
      return "this id was used with another metric, quantity or properties; use a new id for a new event";
    case "quota-exceeded":
      return detailOfQuota(event, decision.counter);
    case "not-in-plan":
      return `the account's plan does not include ${event.metric}`;
    case "total-too-large":
      return "the period's total would pass 999,999,999,999,999";
    case "period-closed":
      return `the period of ${new Date(event.occurredAtMs).toISOString()} is closed, or lies before the account's first`;
    case "unknown-account":
      return `there is no account "${event.accountId}"`;
    default:
      throw new Error(`an event that is ${decision.verdict} is not refused`);
  }
}

function detailOfQuota({ metric, quantity }: UsageEvent, counter: CounterStanding | undefined): string {
  const { used, held, limit, hardLimit, resetsAtMs } = counter ?? nothing;
  const reset = resetsAtMs === null ? "" : `; the quota resets at ${new Date(resetsAtMs).toISOString()}`;
  const heldToo = held === 0 ? "" : ` and ${held} held by reservations`;
  const end = hardLimit === null ? `${limit}` : `${hardLimit} (the spend cap)`;
  return `${metric}: ${used} of ${end} used${heldToo}, ${quantity} more does not fit${reset}`;
}

const nothing: CounterStanding = { used: 0, held: 0, limit: 0, hardLimit: null, resetsAtMs: null };
