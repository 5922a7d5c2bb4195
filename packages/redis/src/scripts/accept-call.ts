import { hash } from "node:crypto";
import { type UsageEvent, uniqueValueOf } from "@driftlock/contracts";
import { keys } from "../keys.ts";
import { rowBytesMax, writeRow } from "../record.ts";
import { type Counter, findCounter, type ResolvedLimits, type Unresolved } from "../resolved-limits.ts";
import { RespWriter } from "../resp-writer.ts";
import type { WrittenCall } from "../script-call.ts";

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

/** What a call says beside its rows: arrays by account, counter, payload and event. */
export interface AcceptPlan {
  readonly epoch: string;
  readonly accounts: ResolvedLimits[];
  readonly counters: Counter[];
  /** Each event's counter, or why it has none. */
  readonly refs: (Counter | Unresolved)[];
  readonly payloads: string[];
  readonly payloadOf: number[];
  /** As ARGV[7] of the script has them. */
  readonly numbers: number[];
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
const bucketMs = 10 * 60 * 1000;
export const seenKeptSeconds = (2 * bucketMs) / 1000 + 60;
/** Longer ones are hashed: they would cost more memory than they are worth. */
const seenUnitsMax = 96;
const propertiesUnitsMax = 32;

// Used again by every call; nothing is awaited between the planning of a call and its copy.
const rows = new RespWriter(256 * 1024);
const words = new RespWriter(512 * 1024);
let callCount = 0;

/** Resolves every event's counter and writes its row. @returns the accounts whose limits are missing, where any are. */
export function planCall(call: AcceptUsageCall): AcceptPlan | { missing: string[] } {
  const { events, limitsOf, mode, checks = [] } = call;
  const first = events[0] && limitsOf(events[0].accountId);
  if (first === undefined) return { missing: findMissing(call) };
  const plan = newPlan(first.epoch);
  callCount++;
  rows.at = 0;
  let resolved = first;
  let nextCheck = 0;
  let leftOfCheck = 0;
  for (const event of events) {
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
    planEvent(plan, resolved, event);
    if (mode === "check") {
      plan.numbers.push(0);
      continue;
    }
    rows.reserve(rowBytesMax(event));
    const start = rows.at;
    rows.at = writeRow(rows.buffer, start, event);
    plan.numbers.push(rows.at - start);
  }
  return plan;
}

const newPlan = (epoch: string): AcceptPlan => ({
  epoch,
  accounts: [],
  counters: [],
  refs: [],
  payloads: [],
  payloadOf: [],
  numbers: [],
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

function planEvent(plan: AcceptPlan, resolved: ResolvedLimits, event: UsageEvent): void {
  const ref = findCounter(resolved, event.metric, event.occurredAtMs);
  plan.refs.push(ref);
  if (typeof ref === "string") {
    plan.areResolved = false;
    plan.payloadOf.push(plan.payloads.push(payloadOf(event)));
    plan.numbers.push(-unresolvedCodes[ref], 0, 0);
    return;
  }
  const { scratch, limit } = ref;
  if (scratch.call !== callCount) addCounter(plan, ref);
  if (event.propertiesJson !== null || scratch.tagQuantity !== event.quantity) {
    scratch.tagPlace = plan.payloads.push(payloadOf(event));
    scratch.tagQuantity = event.propertiesJson === null ? event.quantity : -1;
  }
  plan.payloadOf.push(scratch.tagPlace);
  let extra = 0;
  if (limit.aggregation === "sum") scratch.total += event.quantity;
  else if (limit.aggregation === "count") scratch.total++;
  else if (limit.aggregation === "max") scratch.total = Math.max(scratch.total, event.quantity);
  else if (limit.aggregation === "last") extra = event.occurredAtMs;
  else extra = plan.values.push(uniqueValue(event, limit.uniqueProperty));
  plan.numbers.push(scratch.place, event.quantity, extra);
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

/** What must be the same in a repeat: whole where it is short, so that the usual event needs no hash. */
export function payloadOf({ metric, quantity, propertiesJson }: UsageEvent): string {
  if (propertiesJson === null) return `${metric}:${quantity}`;
  const isShort = propertiesJson.length <= propertiesUnitsMax;
  return `${metric}:${quantity}:${isShort ? propertiesJson : shortHash(propertiesJson)}`;
}

/** 132 bits: an accidental match would lose an event. */
const shortHash = (text: string): string => hash("sha256", text, "base64url").slice(0, 22);

function uniqueValue({ propertiesJson }: UsageEvent, property: string | null): string {
  const properties: unknown = JSON.parse(propertiesJson ?? "null");
  // An event without a value never comes this far; two of them would count once.
  return (property === null ? null : uniqueValueOf(properties, property)) ?? "";
}

/** The planned call as it goes to Redis. */
export function writeCall(call: AcceptUsageCall, plan: AcceptPlan): WrittenCall {
  const { partition, mode, events } = call;
  const isCheck = mode === "check";
  const callKeys = [
    keys.meta(partition),
    keys.stream(partition),
    ...seenKeys(partition, call.wallNowMs),
    keys.marks(partition),
    keys.live(partition),
    keys.held(partition),
  ];
  const counterNumbers = numbersOfCounters(plan, partition);
  callKeys.push(...plan.uniqueKeys);
  words.at = 0;
  writeTexts([String(callKeys.length), ...callKeys, mode, String(seenKeptSeconds), plan.epoch]);
  writeTexts([plan.accounts.map(({ mark }) => mark).join(" ")]);
  words.packed(counterNumbers);
  words.packed(plan.payloadOf);
  words.packed(plan.numbers);
  words.bytes(rows.buffer, isCheck ? 0 : rows.at);
  for (const { limits } of plan.accounts) writeText(limits.accountId);
  for (const { field } of plan.counters) writeText(field);
  if (!isCheck) {
    for (const event of events) writeSeenField(event);
    for (const payload of plan.payloads) writeText(payload);
  }
  for (const value of plan.values) writeText(value);
  const argumentCount =
    fixedArguments +
    plan.accounts.length +
    plan.counters.length +
    (isCheck ? 0 : events.length + plan.payloads.length) +
    plan.values.length;
  return { keys: callKeys, words: 1 + callKeys.length + argumentCount, tail: words.take() };
}

function numbersOfCounters(plan: AcceptPlan, partition: number): number[] {
  const numbers = [
    plan.accounts.length,
    plan.counters.length,
    plan.payloads.length,
    plan.areResolved ? 1 : 0,
    plan.canRefuse ? 1 : 0,
  ];
  for (const { field, limit, stop, segment, scratch } of plan.counters) {
    const key =
      limit.aggregation === "unique" ? fixedKeys + plan.uniqueKeys.push(keys.unique(partition, field)) : 0;
    numbers.push(
      segment.isClosed ? closedStop : stop,
      aggregationCodes[limit.aggregation],
      scratch.total,
      key,
    );
  }
  return numbers;
}

function writeTexts(texts: readonly string[]): void {
  for (const text of texts) writeText(text);
}

function writeText(text: string): void {
  words.reserve(3 * text.length + 32);
  words.text(text);
}

/** The buckets of ids that are seen at present, the one that is written first. */
export const seenKeys = (partition: number, wallNowMs: number): [string, string] => {
  const bucket = Math.floor(wallNowMs / bucketMs);
  return [keys.seen(partition, bucket), keys.seen(partition, bucket - 1)];
};

/** What an event is seen by: account and id as they are, where they are short; account ids hold neither space nor "#". */
export const seenField = ({ accountId, id }: UsageEvent): string =>
  isLong(accountId, id) ? `#${shortHash(`${accountId} ${id}`)}` : `${accountId} ${id}`;

const isLong = (accountId: string, id: string): boolean => accountId.length + id.length > seenUnitsMax;

// The same without the string.
function writeSeenField(event: UsageEvent): void {
  const { accountId, id } = event;
  if (isLong(accountId, id)) {
    writeText(seenField(event));
    return;
  }
  words.reserve(3 * (accountId.length + id.length) + 32);
  words.text(accountId, id);
}
