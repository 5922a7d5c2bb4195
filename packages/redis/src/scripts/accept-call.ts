import { type UsageEvent, uniqueValueOf } from "@driftlock/contracts";
import { keys } from "../keys.ts";
import { rowBytesMax, writeRow } from "../record.ts";
import { type Counter, findCounter, type ResolvedLimits } from "../resolved-limits.ts";
import { RespWriter } from "../resp-writer.ts";
import type { WrittenScript } from "../script-call.ts";
import { payloadOfEvent, seenKeptSeconds, seenKeys, writeSeenField } from "../seen-ids.ts";

/** `each`: what fits, in order. `all`: all or none. `check`: nothing is written and no id is looked at. */
export type AcceptMode = "each" | "all" | "check";

export interface AcceptUsageCall {
  partition: number;
  mode: AcceptMode;
  /** All of this partition's accounts, at least one and at most `callEventsMax`. */
  events: readonly UsageEvent[];
  /** Several checks in one call: how many events each has. Each counts from the counters as they are. (Default: one.) */
  checks?: readonly number[];
  /** An account's limits as far as they are known and valid. */
  limitsOf(accountId: string): ResolvedLimits | undefined;
  /** Rotates the buckets of seen ids; transport time. */
  wallNowMs: number;
}

/** Larger calls would hold up everybody else's (DESIGN 4.1), and pass what Lua unpacks. */
export const callEventsMax = 1_000;

/** What a call says beside its rows, by account, counter, payload and event. */
export interface AcceptPlan {
  readonly epoch: string;
  readonly accounts: ResolvedLimits[];
  readonly counters: Counter[];
  /** Each event's counter, from 1; 0 where it has none. */
  readonly places: Uint16Array;
  readonly payloads: string[];
  readonly values: string[];
  readonly uniqueKeys: string[];
  areResolved: boolean;
  canRefuse: boolean;
}

const unresolvedCodes = { "period-closed": 5, "not-in-plan": 6, "no-period": 7 } as const;
const aggregationCodes = { sum: 1, count: 2, max: 3, last: 4, unique: 5 } as const;
const closedStop = -2;
const fixedKeys = 7;
const fixedArguments = 8;

// Used again by every call; nothing is awaited between its planning and its writing. Typed, because an array that
// grows is copied as it does: what planning makes dies soon, but each byte of it brings the next collection nearer.
const rows = new RespWriter(256 * 1024);
const payloadOf = new Float64Array(callEventsMax);
/** As ARGV[7] of the script has them. */
const numbersOfEvents = new Float64Array(4 * callEventsMax);
const numbersOfCounters = new Float64Array(5 + 4 * callEventsMax);
let callCount = 0;

/** Resolves every event's counter and writes its row. @returns the accounts whose limits are missing, where any are. */
export function planCall(call: AcceptUsageCall): AcceptPlan | { missing: string[] } {
  const { events, limitsOf, mode, checks = [] } = call;
  if (events.length > callEventsMax) throw new RangeError(`a call takes ${callEventsMax} events at most`);
  const first = events[0] && limitsOf(events[0].accountId);
  if (first === undefined) return { missing: findMissing(call) };
  const plan = newPlan(first.epoch, events.length);
  callCount++;
  rows.at = 0;
  let resolved = first;
  let nextCheck = 0;
  let leftOfCheck = 0;
  for (let index = 0; index < events.length; index++) {
    const event = events[index] as UsageEvent;
    if (leftOfCheck-- === 0 && nextCheck < checks.length) {
      // Accounts and counters are then named anew.
      callCount++;
      leftOfCheck = (checks[nextCheck++] ?? 1) - 1;
    }
    if (event.accountId !== resolved.limits.accountId) {
      const next = limitsOf(event.accountId);
      if (next === undefined) return { missing: findMissing(call) };
      // Which of the epochs is over is not known here.
      if (next.epoch !== plan.epoch) return { missing: accountsOf(call) };
      resolved = next;
    }
    if (resolved.scratch.call !== callCount) {
      resolved.scratch.call = callCount;
      plan.accounts.push(resolved);
    }
    planEvent(plan, { resolved, event, index });
    if (mode === "check") {
      numbersOfEvents[4 * index + 3] = 0;
      continue;
    }
    rows.reserve(rowBytesMax(event));
    const start = rows.at;
    rows.at = writeRow(rows.buffer, start, event);
    numbersOfEvents[4 * index + 3] = rows.at - start;
  }
  return plan;
}

const newPlan = (epoch: string, events: number): AcceptPlan => ({
  epoch,
  accounts: [],
  counters: [],
  places: new Uint16Array(events),
  payloads: [],
  values: [],
  uniqueKeys: [],
  areResolved: true,
  canRefuse: false,
});

const accountsOf = ({ events }: AcceptUsageCall): string[] => [
  ...new Set(events.map(({ accountId }) => accountId)),
];

const findMissing = (call: AcceptUsageCall): string[] =>
  accountsOf(call).filter((accountId) => call.limitsOf(accountId) === undefined);

interface Planned {
  resolved: ResolvedLimits;
  event: UsageEvent;
  index: number;
}

function planEvent(plan: AcceptPlan, { resolved, event, index }: Planned): void {
  const found = findCounter(resolved, event.metric, event.occurredAtMs);
  if (typeof found === "string") {
    plan.areResolved = false;
    payloadOf[index] = plan.payloads.push(payloadOfEvent(event));
    tellOfEvent(index, -unresolvedCodes[found], 0, 0);
    return;
  }
  const { scratch, limit } = found;
  if (scratch.call !== callCount) addCounter(plan, found);
  if (event.propertiesJson !== null || scratch.tagQuantity !== event.quantity) {
    scratch.tagPlace = plan.payloads.push(payloadOfEvent(event));
    scratch.tagQuantity = event.propertiesJson === null ? event.quantity : -1;
  }
  payloadOf[index] = scratch.tagPlace;
  let extra = 0;
  if (limit.aggregation === "sum") scratch.total += event.quantity;
  else if (limit.aggregation === "count") scratch.total++;
  else if (limit.aggregation === "max") scratch.total = Math.max(scratch.total, event.quantity);
  else if (limit.aggregation === "last") extra = event.occurredAtMs;
  else extra = plan.values.push(uniqueValue(event, limit.uniqueProperty));
  plan.places[index] = scratch.place;
  tellOfEvent(index, scratch.place, event.quantity, extra);
}

function tellOfEvent(index: number, ref: number, quantity: number, extra: number): void {
  numbersOfEvents[4 * index] = ref;
  numbersOfEvents[4 * index + 1] = quantity;
  numbersOfEvents[4 * index + 2] = extra;
}

function addCounter(plan: AcceptPlan, counter: Counter): void {
  const { scratch, limit, segment, stop } = counter;
  scratch.call = callCount;
  scratch.place = plan.counters.push(counter);
  scratch.total = limit.aggregation === "last" || limit.aggregation === "unique" ? -1 : 0;
  scratch.tagQuantity = -1;
  if (segment.isClosed) plan.areResolved = false;
  if (stop >= 0) plan.canRefuse = true;
}

function uniqueValue({ propertiesJson }: UsageEvent, property: string | null): string {
  const properties: unknown = JSON.parse(propertiesJson ?? "null");
  // An event without a value never comes this far; two of them would count once.
  return (property === null ? null : uniqueValueOf(properties, property)) ?? "";
}

/** The planned call as it goes to Redis. */
export function writeCall(
  script: WrittenScript,
  { partition, mode, events, wallNowMs }: AcceptUsageCall,
  plan: AcceptPlan,
): { call: RespWriter; keys: string[] } {
  const isCheck = mode === "check";
  const counterNumbers = tellOfCounters(plan, partition);
  const callKeys = [
    keys.meta(partition),
    keys.stream(partition),
    ...seenKeys(partition, wallNowMs),
    keys.marks(partition),
    keys.live(partition),
    keys.held(partition),
    ...plan.uniqueKeys,
  ];
  const argumentCount =
    fixedArguments +
    plan.accounts.length +
    plan.counters.length +
    (isCheck ? 0 : events.length + plan.payloads.length) +
    plan.values.length;
  const call = script.begin(1 + callKeys.length + argumentCount);
  writeTexts(call, [String(callKeys.length), ...callKeys, mode, String(seenKeptSeconds), plan.epoch]);
  writeText(call, plan.accounts.map(({ mark }) => mark).join(" "));
  call.packed(numbersOfCounters, counterNumbers);
  call.packed(payloadOf, events.length);
  call.packed(numbersOfEvents, 4 * events.length);
  call.bytes(rows.buffer, isCheck ? 0 : rows.at);
  for (const { limits } of plan.accounts) writeText(call, limits.accountId);
  for (const { field } of plan.counters) writeText(call, field);
  if (!isCheck) {
    for (const event of events) writeSeenField(call, event);
    writeTexts(call, plan.payloads);
  }
  writeTexts(call, plan.values);
  return { call, keys: callKeys };
}

/** @returns how many numbers it wrote. */
function tellOfCounters(plan: AcceptPlan, partition: number): number {
  const { accounts, counters, payloads } = plan;
  numbersOfCounters[0] = accounts.length;
  numbersOfCounters[1] = counters.length;
  numbersOfCounters[2] = payloads.length;
  numbersOfCounters[3] = plan.areResolved ? 1 : 0;
  numbersOfCounters[4] = plan.canRefuse ? 1 : 0;
  let at = 5;
  for (const { field, limit, stop, segment, scratch } of counters) {
    const key =
      limit.aggregation === "unique" ? fixedKeys + plan.uniqueKeys.push(keys.unique(partition, field)) : 0;
    numbersOfCounters[at++] = segment.isClosed ? closedStop : stop;
    numbersOfCounters[at++] = aggregationCodes[limit.aggregation];
    numbersOfCounters[at++] = scratch.total;
    numbersOfCounters[at++] = key;
  }
  return at;
}

function writeTexts(call: RespWriter, texts: readonly string[]): void {
  for (const text of texts) writeText(call, text);
}

function writeText(call: RespWriter, text: string): void {
  call.reserve(3 * text.length + 32);
  call.text(text);
}
