import { AppError, type StripeHint } from "@driftlock/contracts";

/** What a delivery says: a hint that an object changed. The object itself is fetched again before anything is done. */
export interface StripeWebhook {
  /** "snapshot" carries the object, "thin" only its id; both come to the same route. */
  kind: "snapshot" | "thin";
  id: string;
  type: string;
  /** The endpoint's version, not the SDK's; null for thin events, which have none. */
  apiVersion: string | null;
  objectType: string | null;
  objectId: string | null;
  /** The customer that the object belongs to, or belonged to before (a detached payment method). */
  customerId: string | null;
  isLive: boolean;
  event: Record<string, unknown>;
}

/** Reads an event as Stripe delivers or lists it. @throws MALFORMED_BODY when it is none. */
export function readWebhook(event: unknown): StripeWebhook {
  if (!isRecord(event) || typeof event["id"] !== "string" || typeof event["type"] !== "string") {
    throw new AppError("MALFORMED_BODY", "The body is not a Stripe event.");
  }
  const base = { id: event["id"], type: event["type"], isLive: event["livemode"] === true, event };
  if (event["object"] === "v2.core.event") {
    const related = isRecord(event["related_object"]) ? event["related_object"] : {};
    const objectId = textOf(related["id"]);
    return {
      ...base,
      kind: "thin",
      apiVersion: null,
      objectType: textOf(related["type"]),
      objectId,
      customerId: null,
    };
  }
  const data = isRecord(event["data"]) ? event["data"] : {};
  if (event["object"] !== "event" || !isRecord(data["object"])) {
    throw new AppError("MALFORMED_BODY", "The body is not a Stripe event.");
  }
  const object = data["object"];
  const previous = isRecord(data["previous_attributes"]) ? data["previous_attributes"] : {};
  const objectType = textOf(object["object"]);
  const objectId = textOf(object["id"]);
  return {
    ...base,
    kind: "snapshot",
    apiVersion: textOf(event["api_version"]),
    objectType,
    objectId,
    customerId:
      objectType === "customer" ? objectId : (idOf(object["customer"]) ?? idOf(previous["customer"])),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** An expandable field: the id, or the object that has it. */
const idOf = (value: unknown): string | null => (isRecord(value) ? textOf(value["id"]) : textOf(value));

/** What the job apply-stripe-event is given of a delivery. */
export const stripeHintOf = (webhook: StripeWebhook): StripeHint => ({
  eventId: webhook.id,
  kind: webhook.kind,
  type: webhook.type,
  apiVersion: webhook.apiVersion,
  objectType: webhook.objectType,
  objectId: webhook.objectId,
  customerId: webhook.customerId,
  isLive: webhook.isLive,
});
