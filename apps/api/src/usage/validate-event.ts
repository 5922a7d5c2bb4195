import { createHash } from "node:crypto";
import {
  eventAgeMaxMs,
  eventAheadMaxMs,
  eventIdCodePointsMax,
  quantityMax,
  type UsageEvent,
} from "@driftlock/contracts";
import { parseInstant } from "./parse-instant.ts";
import { canonicalProperties } from "./properties.ts";

/** What an event is judged against. */
export interface EventContext {
  /** Business time. */
  nowMs: number;
  /** The account of the credential; null for one that acts for any. */
  ownAccountId: string | null;
  isMetric(metric: string): boolean;
}

export type EventFault = "invalid" | "unknown-metric" | "unknown-account";
export type ValidatedEvent = { event: UsageEvent } | { fault: EventFault; detail: string; id: string | null };

const fields = new Set(["id", "metric", "quantity", "timestamp", "accountId", "properties"]);
const accountIdPattern = /^[A-Za-z0-9_-]{1,64}$/;
// oxlint-disable-next-line no-control-regex -- to find them is the point
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/;

/** DESIGN 2.3's rules for one event, by hand: ten thousand of them come in one request. */
export function validateEvent(value: unknown, context: EventContext): ValidatedEvent {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { fault: "invalid", detail: "an event is a JSON object", id: null };
  }
  const input = value as Record<string, unknown>;
  const { id } = input;
  const idFault = faultOfId(id);
  if (idFault !== null) return { fault: "invalid", detail: idFault, id: typeof id === "string" ? id : null };
  return buildEvent(input, id as string, context);
}

function buildEvent(input: Record<string, unknown>, id: string, context: EventContext): ValidatedEvent {
  const invalid = (detail: string): ValidatedEvent => ({ fault: "invalid", detail, id });
  for (const key in input) if (!fields.has(key)) return invalid(`there is no field "${key}"`);
  const { metric, quantity = 1, timestamp } = input;
  if (typeof metric !== "string") return invalid("metric must be a string");
  if (!isQuantity(quantity)) return invalid(`quantity must be an integer from 0 to ${quantityMax}`);
  const occurredAtMs = timestamp === undefined ? context.nowMs : parseTimestamp(timestamp);
  if (occurredAtMs === null)
    return invalid("timestamp must be an instant of RFC 3339, like 2026-01-31T12:00:00Z");
  if (occurredAtMs < context.nowMs - eventAgeMaxMs) return invalid("timestamp is more than 35 days old");
  if (occurredAtMs > context.nowMs + eventAheadMaxMs)
    return invalid("timestamp is more than 5 minutes ahead");
  const properties = canonicalProperties(input["properties"]);
  if ("fault" in properties) return invalid(properties.fault);
  const account = chooseAccount(input["accountId"], context);
  if ("fault" in account) return { ...account, id };
  if (!context.isMetric(metric))
    return { fault: "unknown-metric", detail: `there is no metric "${metric}"`, id };
  return {
    event: {
      id,
      accountId: account.accountId,
      metric,
      quantity,
      occurredAtMs,
      receivedAtMs: context.nowMs,
      propertiesJson: properties.json,
      payloadHash: hashPayload(metric, quantity, properties.json),
    },
  };
}

/** What is wrong with an event's id, or null. */
export function faultOfId(id: unknown): string | null {
  if (typeof id !== "string") return "id must be a string";
  if (id === "") return "id is empty";
  if (!id.isWellFormed()) return "id is not valid Unicode text";
  if (controlCharacters.test(id)) return "id has a control character";
  // A code point is one or two units: only what lies between needs to be counted.
  if (
    id.length > eventIdCodePointsMax &&
    (id.length > 2 * eventIdCodePointsMax || [...id].length > eventIdCodePointsMax)
  )
    return `id has more than ${eventIdCodePointsMax} characters`;
  return null;
}

const isQuantity = (quantity: unknown): quantity is number =>
  Number.isInteger(quantity) && (quantity as number) >= 0 && (quantity as number) <= quantityMax;

const parseTimestamp = (timestamp: unknown): number | null =>
  typeof timestamp === "string" ? parseInstant(timestamp) : null;

function chooseAccount(
  accountId: unknown,
  { ownAccountId }: EventContext,
): { accountId: string } | { fault: EventFault; detail: string } {
  if (accountId === undefined) {
    if (ownAccountId !== null) return { accountId: ownAccountId };
    return { fault: "invalid", detail: "accountId is missing: a service key acts for any account" };
  }
  if (typeof accountId !== "string") return { fault: "invalid", detail: "accountId must be a string" };
  const isAllowed = ownAccountId === null ? accountIdPattern.test(accountId) : accountId === ownAccountId;
  return isAllowed
    ? { accountId }
    : { fault: "unknown-account", detail: `there is no account "${accountId}"` };
}

/** 48 bits over what must be the same in a repeat: safe as a JavaScript number and as a bigint of Postgres. */
export function hashPayload(metric: string, quantity: number, propertiesJson: string | null): number {
  return createHash("sha256")
    .update(`${metric}\n${quantity}\n${propertiesJson ?? ""}`)
    .digest()
    .readUIntBE(0, 6);
}
