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

export const ndjsonType = "application/x-ndjson";
export const cloudEventType = "application/cloudevents+json";
export const cloudEventBatchType = "application/cloudevents-batch+json";

/**
 * The events of a body in any of its forms (DESIGN 2.3); `body` is text for NDJSON and parsed JSON for the others.
 * @throws MALFORMED_BODY, INVALID for JSON that is no form of events, BODY_TOO_LARGE for too many of them.
 */
export function parseUsageBody(contentType: string, body: unknown): UsageItems {
  const parsed = parseForm(contentType, body);
  if (parsed.items.length > batchEventsMax) {
    throw new AppError(
      "BODY_TOO_LARGE",
      `A request may hold ${batchEventsMax} events at most; send them in several.`,
    );
  }
  return parsed;
}

function parseForm(contentType: string, body: unknown): UsageItems {
  switch (contentType) {
    case ndjsonType:
      return { isSingle: false, items: parseLines(body as string) };
    case cloudEventType:
      return { isSingle: true, items: [fromCloudEvent(body)] };
    case cloudEventBatchType:
      if (!Array.isArray(body))
        throw new AppError("INVALID", `A body of ${cloudEventBatchType} is an array.`);
      return { isSingle: false, items: body.map(fromCloudEvent) };
    default:
      return parseJsonForm(body);
  }
}

function parseJsonForm(body: unknown): UsageItems {
  if (Array.isArray(body)) return { isSingle: false, items: body };
  if (typeof body === "object" && body !== null) {
    if ("id" in body) return { isSingle: true, items: [body] };
    if ("events" in body && Array.isArray(body.events) && Object.keys(body).length === 1) {
      return { isSingle: false, items: body.events };
    }
  }
  throw new AppError("INVALID", 'Send one event (with an id), an array of events, or { "events": [...] }.');
}

/** Lines that cannot be read are items of their own, so that the others count; a body of nothing else is malformed. */
function parseLines(text: string): unknown[] {
  const items = text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line): unknown => {
      try {
        return JSON.parse(line);
      } catch {
        return new UnreadableItem("the line is not valid JSON");
      }
    });
  if (items.length > 0 && items.every((item) => item instanceof UnreadableItem)) {
    throw new AppError("MALFORMED_BODY", "No line of the body is valid JSON; send one event a line.");
  }
  return items;
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
