import type { SimContext } from "../context.ts";
import { invalidRequest } from "../errors.ts";
import { behavioursOf } from "../behaviours.ts";
import { parseDecimal } from "./decimal.ts";
import { refreshUsage, subscriptionOf } from "./invoice-draft.ts";
import type { Meter, MeterEvent } from "./meter-usage.ts";

const DAY_SECONDS = 86_400;
const PAST_SECONDS = 35 * DAY_SECONDS;
const FUTURE_SECONDS = 300;
const MAX_DIGITS = 15;
const MAX_SAMPLES = 5;

export interface MeterEventInput {
  eventName: string;
  payload: Record<string, string>;
  /** Made up where the sender gave none. */
  identifier: string | undefined;
  /** Unix seconds; now where the sender gave none. */
  timestamp: number | undefined;
}

/** Why an event is refused; `code` is of Stripe's list of meter error codes. */
interface Rejection {
  code: string;
  message: string;
  meterId: string | null;
}

type Checked = { meter: Meter; customerId: string; value: string } | Rejection;

/** Records one event or throws what Stripe answers: its error code, or the duplicate's 400. */
export function recordMeterEvent(ctx: SimContext, input: MeterEventInput): MeterEvent {
  const checked = check(ctx, input);
  if ("code" in checked) throw invalidRequest(checked.message, { code: checked.code });
  if (isTaken(ctx, input.identifier)) {
    throw invalidRequest(`An event already exists with identifier ${input.identifier}.`);
  }
  const event = put(ctx, input, checked);
  refreshDrafts(ctx, new Set([checked.customerId]));
  return event;
}

/**
 * Takes a batch of a stream: what is wrong with an event is not answered but reported afterwards, by thin events;
 * an identifier seen before is dropped without a word.
 */
export function recordStream(ctx: SimContext, inputs: MeterEventInput[]): void {
  const rejected: { input: MeterEventInput; rejection: Rejection }[] = [];
  const customers = new Set<string>();
  for (const input of inputs) {
    const checked = check(ctx, input);
    if ("code" in checked) rejected.push({ input, rejection: checked });
    else if (!isTaken(ctx, input.identifier)) {
      put(ctx, input, checked);
      customers.add(checked.customerId);
    }
  }
  refreshDrafts(ctx, customers);
  for (const [meterId, failures] of Map.groupBy(rejected, ({ rejection }) => rejection.meterId)) {
    report(ctx, meterId, failures);
  }
}

/** Takes one event back by its identifier, within a day of its receipt. Finalized invoices stay as they are. */
export function cancelMeterEvent(ctx: SimContext, eventName: string, identifier: string): void {
  const known = ctx.store.get("sim.meter_identifier", identifier);
  const event = known === undefined ? undefined : ctx.store.get("billing.meter_event", known.eventId);
  if (known === undefined || event?.event_name !== eventName) {
    throw invalidRequest(`No meter event found with identifier ${identifier}.`, {
      code: "resource_missing",
      param: "cancel[identifier]",
    });
  }
  if (known.receivedAt + DAY_SECONDS <= ctx.now()) {
    throw invalidRequest("Meter events can only be cancelled within 24 hours of being received.", {
      param: "cancel[identifier]",
    });
  }
  if (event._isCanceled) throw invalidRequest(`The meter event ${identifier} is already cancelled.`);
  ctx.store.update("billing.meter_event", event.id, { _isCanceled: true });
  refreshDrafts(ctx, new Set([event._customerId]));
}

function check(ctx: SimContext, { eventName, payload, timestamp }: MeterEventInput): Checked {
  const meters = ctx.store.list("billing.meter").filter((each) => each.event_name === eventName);
  const meter = meters.find((each) => each.status === "active") ?? meters[0];
  const reject = (code: string, message: string): Rejection => ({
    code,
    message,
    meterId: meter?.id ?? null,
  });
  if (meter === undefined) return reject("no_meter", `No active meter found for event name ${eventName}.`);
  if (meter.status !== "active")
    return reject("archived_meter", `The meter for event name ${eventName} is inactive.`);
  const at = timestamp ?? ctx.now();
  if (at < ctx.now() - PAST_SECONDS) {
    return reject("timestamp_too_far_in_past", "The timestamp must be within the past 35 calendar days.");
  }
  if (at > ctx.now() + FUTURE_SECONDS) {
    return reject("timestamp_in_future", "The timestamp must not be more than 5 minutes in the future.");
  }
  const key = meter.customer_mapping.event_payload_key;
  const customerId = payload[key];
  if (!customerId)
    return reject("meter_event_no_customer_defined", `The payload has no customer under \`${key}\`.`);
  if (ctx.store.get("customer", customerId) === undefined) {
    return reject("meter_event_customer_not_found", `No such customer: '${customerId}'`);
  }
  const value = valueOf(meter, payload);
  if ("code" in value) return reject(value.code, value.message);
  return { meter, customerId, value: value.text };
}

function valueOf(
  meter: Meter,
  payload: Record<string, string>,
): { text: string } | { code: string; message: string } {
  if (meter.default_aggregation.formula === "count") return { text: "1" };
  const key = meter.value_settings.event_payload_key;
  const text = payload[key] ?? "";
  if (text.replace(/^[+-]?0*/, "").replace(/[^\d]/g, "").length > MAX_DIGITS) {
    return {
      code: "meter_event_value_too_many_digits",
      message: `The value of \`${key}\` has more than 15 digits.`,
    };
  }
  if (parseDecimal(text) === null) {
    return {
      code: "meter_event_invalid_value",
      message: `The payload's \`${key}\` must be a number, not '${text}'.`,
    };
  }
  return { text };
}

/** Identifiers are remembered for a day from receipt, as Stripe promises and no longer. */
function isTaken(ctx: SimContext, identifier: string | undefined): boolean {
  const known = ctx.store.get("sim.meter_identifier", identifier ?? "");
  return known !== undefined && known.receivedAt + DAY_SECONDS > ctx.now();
}

function put(ctx: SimContext, input: MeterEventInput, checked: Exclude<Checked, Rejection>): MeterEvent {
  const id = ctx.newId("mtrevt");
  const identifier = input.identifier ?? id;
  const event: MeterEvent = {
    id,
    object: "billing.meter_event",
    created: ctx.now(),
    event_name: input.eventName,
    identifier,
    livemode: false,
    payload: input.payload,
    timestamp: input.timestamp ?? ctx.now(),
    _meterId: checked.meter.id,
    _customerId: checked.customerId,
    _value: checked.value,
    _isCanceled: false,
  };
  ctx.store.put("billing.meter_event", event);
  ctx.store.put("sim.meter_identifier", { id: identifier, eventId: id, receivedAt: ctx.now() });
  return event;
}

/** Open drafts follow the meter: the usage of an ended period counts until its invoice is finalized. */
function refreshDrafts(ctx: SimContext, customers: ReadonlySet<string>): void {
  if (behavioursOf(ctx.store).draftUsage === "as-drafted") return;
  for (const invoice of ctx.store.list("invoice")) {
    if (
      invoice.status !== "draft" ||
      subscriptionOf(invoice) === null ||
      !customers.has(invoice.customer ?? "")
    )
      continue;
    ctx.store.put("invoice", refreshUsage(ctx, invoice));
  }
}

function report(
  ctx: SimContext,
  meterId: string | null,
  failures: { input: MeterEventInput; rejection: Rejection }[],
): void {
  const at = new Date(ctx.now() * 1_000).toISOString();
  const types = [...Map.groupBy(failures, ({ rejection }) => rejection.code)].map(([code, ofCode]) => ({
    code,
    error_count: ofCode.length,
    sample_errors: ofCode.slice(0, MAX_SAMPLES).map(({ input, rejection }) => ({
      error_message: rejection.message,
      request: { identifier: input.identifier ?? "" },
    })),
  }));
  const data = {
    developer_message_summary: `There is ${failures.length} invalid event${failures.length === 1 ? "" : "s"}`,
    reason: { error_count: failures.length, error_types: types },
    validation_start: at,
    validation_end: at,
  };
  if (meterId === null) return ctx.emitThin("v1.billing.meter.no_meter_found", null, data);
  const related = { id: meterId, type: "billing.meter", url: `/v1/billing/meters/${meterId}` };
  ctx.emitThin("v1.billing.meter.error_report_triggered", related, data);
}
