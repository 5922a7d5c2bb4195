import {
  eventAgeMaxMs,
  eventAheadMaxMs,
  eventIdCodePointsMax,
  quantityMax,
  type UsageEvent,
  uniqueValueOf,
} from "@driftlock/contracts";
import type { Catalog } from "./catalog-cache.ts";
import { parseInstant } from "./parse-instant.ts";
import { canonicalProperties } from "./properties.ts";

/** What an event is judged against. */
export interface EventContext {
  /** Business time. */
  nowMs: number;
  /** The account of the credential; null for one that acts for any. */
  ownAccountId: string | null;
  catalog: Pick<Catalog, "aggregations" | "uniqueProperties">;
}

/** An event that is not taken, and why. */
export interface FaultyEvent {
  fault: "invalid" | "unknown-metric" | "unknown-account";
  detail: string;
  /** Null where none could be read. */
  id: string | null;
}

const accountIdPattern = /^[A-Za-z0-9_-]{1,64}$/;
// oxlint-disable-next-line no-control-regex -- to find them is the point
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/;

const invalid = (id: unknown, detail: string): FaultyEvent => ({
  fault: "invalid",
  detail,
  id: typeof id === "string" ? id : null,
});

/** DESIGN 2.3's rules for one event, by hand and without making anything else: ten thousand come in one request. */
export function validateEvent(value: unknown, context: EventContext): UsageEvent | FaultyEvent {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return invalid(null, "an event is a JSON object");
  const input = value as Record<string, unknown>;
  const { id, metric, timestamp } = input;
  const idFault = faultOfId(id);
  if (idFault !== null) return invalid(id, idFault);
  for (const key in input) if (!isField(key)) return invalid(id, `there is no field "${key}"`);
  if (typeof metric !== "string") return invalid(id, "metric must be a string");
  const quantity = input["quantity"] === undefined ? 1 : input["quantity"];
  if (!isQuantity(quantity)) return invalid(id, `quantity must be an integer from 0 to ${quantityMax}`);
  const { nowMs } = context;
  const occurredAtMs = timestamp === undefined ? nowMs : parseTimestamp(timestamp);
  if (occurredAtMs === null)
    return invalid(id, "timestamp must be an instant of RFC 3339, like 2026-01-31T12:00:00Z");
  if (occurredAtMs < nowMs - eventAgeMaxMs) return invalid(id, "timestamp is more than 35 days old");
  if (occurredAtMs > nowMs + eventAheadMaxMs) return invalid(id, "timestamp is more than 5 minutes ahead");
  const propertiesJson = canonicalProperties(input["properties"]);
  if (typeof propertiesJson === "object" && propertiesJson !== null) return invalid(id, propertiesJson.fault);
  const accountId = input["accountId"] === undefined ? context.ownAccountId : input["accountId"];
  const refused = refuseAccount(accountId, context, id as string) ?? refuseMetric(metric, context, input);
  if (refused !== null) return refused;
  return {
    id: id as string,
    accountId: accountId as string,
    metric,
    quantity,
    occurredAtMs,
    receivedAtMs: nowMs,
    propertiesJson,
  };
}

function isField(key: string): boolean {
  switch (key) {
    case "id":
    case "metric":
    case "quantity":
    case "timestamp":
    case "accountId":
    case "properties":
      return true;
    default:
      return false;
  }
}

/** What is wrong with an event's id, or null. */
export function faultOfId(id: unknown): string | null {
  if (typeof id !== "string") return "id must be a string";
  if (id === "") return "id is empty";
  if (id.length <= eventIdCodePointsMax && isPrintableAscii(id)) return null;
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

function isPrintableAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit > 0x7e) return false;
  }
  return true;
}

const isQuantity = (quantity: unknown): quantity is number =>
  Number.isInteger(quantity) && (quantity as number) >= 0 && (quantity as number) <= quantityMax;

const parseTimestamp = (timestamp: unknown): number | null =>
  typeof timestamp === "string" ? parseInstant(timestamp) : null;

function refuseAccount(accountId: unknown, { ownAccountId }: EventContext, id: string): FaultyEvent | null {
  if (accountId === null && ownAccountId === null)
    return invalid(id, "accountId is missing: a service key acts for any account");
  if (typeof accountId !== "string") return invalid(id, "accountId must be a string");
  const isAllowed = ownAccountId === null ? accountIdPattern.test(accountId) : accountId === ownAccountId;
  return isAllowed ? null : { fault: "unknown-account", detail: `there is no account "${accountId}"`, id };
}

function refuseMetric(
  metric: string,
  { catalog }: EventContext,
  { id, properties }: Record<string, unknown>,
): FaultyEvent | null {
  const aggregation = catalog.aggregations.get(metric);
  if (aggregation === undefined)
    return { fault: "unknown-metric", detail: `there is no metric "${metric}"`, id: id as string };
  if (aggregation !== "unique") return null;
  const property = catalog.uniqueProperties.get(metric) ?? "";
  if (uniqueValueOf(properties, property) !== null) return null;
  return invalid(
    id,
    `properties.${property} must be a string, an integer, true or false: ${metric} counts them`,
  );
}
