import type { SimContext } from "../context.ts";
import { applyMetadata } from "../metadata.ts";
import { periodOf, type Subscription } from "./subscription-object.ts";
import type { UpdateParams } from "./update-subscription.ts";

/** The fields of a subscription that parameters change without touching what it costs. */
export function settingsChange(
  ctx: SimContext,
  subscription: Subscription,
  params: UpdateParams,
): Partial<Subscription> {
  const {
    default_payment_method,
    description,
    pause_collection: pause,
    collection_method,
    days_until_due,
  } = params;
  const save = params.payment_settings?.save_default_payment_method;
  return {
    metadata: applyMetadata(subscription.metadata, params.metadata),
    ...(default_payment_method === undefined ? {} : { default_payment_method }),
    ...(description === undefined ? {} : { description: description === "" ? null : description }),
    ...(collection_method === undefined ? {} : { collection_method }),
    ...(days_until_due === undefined ? {} : { days_until_due }),
    ...(save === undefined || subscription.payment_settings === null
      ? {}
      : { payment_settings: { ...subscription.payment_settings, save_default_payment_method: save } }),
    ...(pause === undefined
      ? {}
      : {
          pause_collection:
            pause === "" || pause === null
              ? null
              : { behavior: pause.behavior, resumes_at: pause.resumes_at ?? null },
        }),
    ...cancellation(ctx, subscription, params),
  };
}

function cancellation(
  ctx: SimContext,
  subscription: Subscription,
  params: UpdateParams,
): Partial<Subscription> {
  const given = params.cancellation_details;
  const details = {
    comment: given?.comment ?? subscription.cancellation_details?.comment ?? null,
    feedback: given?.feedback ?? subscription.cancellation_details?.feedback ?? null,
    feedback_option: null,
    reason: subscription.cancellation_details?.reason ?? null,
  };
  const at = cancelInstant(subscription, params);
  if (at === undefined) return given === undefined ? {} : { cancellation_details: details };
  if (at === null) {
    const cancellation_details = { ...details, reason: null };
    return { cancel_at_period_end: false, cancel_at: null, canceled_at: null, cancellation_details };
  }
  return {
    cancel_at_period_end: params.cancel_at_period_end ?? false,
    cancel_at: at,
    canceled_at: ctx.now(),
    cancellation_details: { ...details, reason: "cancellation_requested" },
  };
}

/** When the parameters end the subscription; null where they take that back, undefined where they say nothing. */
function cancelInstant(subscription: Subscription, params: UpdateParams): number | null | undefined {
  const { cancel_at_period_end: atPeriodEnd, cancel_at: at } = params;
  const ends = subscription.items.data.map((item) => item.current_period_end);
  if (atPeriodEnd === true) return periodOf(subscription).end;
  if (typeof at === "number") return at;
  if (at === "min_period_end") return Math.min(...ends);
  if (at === "max_period_end") return Math.max(...ends);
  return atPeriodEnd === false || at === "" || at === null ? null : undefined;
}
