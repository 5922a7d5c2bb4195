import { AppError, batchEventsMax } from "@driftlock/contracts";

/** What could not be read as an event, in the place of one. */
export class UnreadableItem {
  readonly detail: string;
  /** Null where none could be read. */
  readonly id: string | null;

  constructor(detail: string, id: unknown = null) {
    this.detail = detail;
    this.id = typeof id === "string" ? id : null;
  }
}

export interface UsageItems {
  /** One event that is answered with a status of its own. */
  isSingle: boolean;
  /** Not validated yet. */
  items: unknown[];
}

export const cloudEventType = "application/cloudevents+json";
export const cloudEventBatchType = "application/cloudevents-batch+json";

/**
 * The events of parsed JSON in any of its forms (DESIGN 2.3). @throws INVALID for what is no form of events,
 * BODY_TOO_LARGE for too many of them.
 */
export function itemsOfJson(contentType: string, body: unknown): UsageItems {
  const parsed = itemsOfForm(contentType, body);
  if (parsed.items.length > batchEventsMax) throw tooManyEvents();
  return parsed;
}

export const tooManyEvents = () =>
  new AppError(
    "BODY_TOO_LARGE",
    `A request may hold ${batchEventsMax} events at most; send them in several.`,
  );

function itemsOfForm(contentType: string, body: unknown): UsageItems {
  switch (contentType) {
    case cloudEventType:
      return { isSingle: true, items: [fromCloudEvent(body)] };
    case cloudEventBatchType:
      if (!Array.isArray(body))
        throw new AppError("INVALID", `A body of ${cloudEventBatchType} is an array.`);
      return { isSingle: false, items: body.map(fromCloudEvent) };
    default:
      return itemsOfPlainJson(body);
  }
}

function itemsOfPlainJson(body: unknown): UsageItems {
  if (Array.isArray(body)) return { isSingle: false, items: body };
  if (typeof body === "object" && body !== null) {
    if ("id" in body) return { isSingle: true, items: [body] };
    if ("events" in body && Array.isArray(body.events) && Object.keys(body).length === 1) {
      return { isSingle: false, items: body.events };
    }
  }
  throw new AppError("INVALID", 'Send one event (with an id), an array of events, or { "events": [...] }.');
}

/** CloudEvents 1.0: id is id, type is metric, subject is accountId, time is timestamp; other attributes are theirs. */
function fromCloudEvent(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { id, type, subject, time, data, specversion } = value as Record<string, unknown>;
  if (specversion !== undefined && specversion !== "1.0")
    return new UnreadableItem("specversion must be 1.0", id);
  if (data !== undefined && data !== null && (typeof data !== "object" || Array.isArray(data))) {
    return new UnreadableItem("data must be an object", id);
  }
  const { quantity, properties } = (data ?? {}) as Record<string, unknown>;
  const event = { id, metric: type, accountId: subject, timestamp: time, quantity, properties };
  return Object.fromEntries(Object.entries(event).filter(([, part]) => part !== undefined));
}
