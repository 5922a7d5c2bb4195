import type { JsonWebKey } from "node:crypto";
import type Stripe from "stripe";
import type { Stored } from "./stored.ts";

/**
 * Every kind of object the store holds, by its type. Stripe's own are named like their `object` field; records of
 * the simulator itself are named `sim.…` and never leave it as an API answer. A key that starts with `_` is
 * private at any depth: it is kept with the object and never rendered.
 */
export interface Objects {
  "billing_portal.configuration": Stored<Stripe.BillingPortal.Configuration>;
  "billing_portal.session": Stored<Stripe.BillingPortal.Session>;
  "checkout.session": Stored<Stripe.Checkout.Session> & { _checkout: CheckoutPrivate };
  "billing.meter": Stored<Stripe.Billing.Meter>;
  "billing.meter_event": Stored<Stripe.Billing.MeterEvent> & { id: string } & MeterEventPrivate;
  charge: Stored<Stripe.Charge>;
  credit_note: Stored<Stripe.CreditNote>;
  customer: Stored<Stripe.Customer>;
  dispute: Stored<Stripe.Dispute>;
  customer_balance_transaction: Stored<Stripe.CustomerBalanceTransaction>;
  "sim.deleted_customer": Stored<Stripe.DeletedCustomer>;
  event: EventRecord;
  invoice: Stored<Stripe.Invoice> & { _lastDecline: InvoiceDecline | null };
  invoiceitem: Stored<Stripe.InvoiceItem>;
  invoice_payment: Stored<Stripe.InvoicePayment>;
  payment_intent: Stored<Stripe.PaymentIntent> & { _payment: PaymentPrivate };
  payment_method: Stored<Stripe.PaymentMethod> & { _card: CardPrivate };
  price: Stored<Stripe.Price> & { _tiers: Stored<Stripe.Price.Tier>[] | null };
  product: Stored<Stripe.Product>;
  refund: Stored<Stripe.Refund>;
  setup_intent: Stored<Stripe.SetupIntent> & {
    _challengedPaymentMethodId: string | null;
    _returnUrl: string | null;
  };
  subscription: Stored<Stripe.Subscription> & { _isTrialEndAnnounced: boolean };
  subscription_schedule: Stored<Stripe.SubscriptionSchedule>;
  "test_helpers.test_clock": Stored<Stripe.TestHelpers.TestClock>;
  webhook_endpoint: Stored<Stripe.WebhookEndpoint> & { _secrets: EndpointSecret[] };
  "v2.core.event": ThinEventRecord;
  "v2.core.event_destination": Stored<Stripe.V2.Core.EventDestination> & {
    _url: string;
    _secrets: EndpointSecret[];
  };
  "sim.clock": ClockRecord;
  /** The name of a process that follows the clock. */
  "sim.clock_participant": { id: string };
  "sim.delivery": DeliveryRecord;
  "sim.fault": FaultRecord;
  "sim.idempotency": IdempotencyRecord;
  "sim.billing_settings": BillingSettings;
  "sim.behaviours": Behaviours;
  "sim.meter_identifier": MeterIdentifierRecord;
  "sim.signing_key": { id: string; jwk: JsonWebKey };
  "sim.meter_event_session": { id: string; expiresAt: number };
}

export type ObjectType = keyof Objects;
export type ObjectOf<K extends ObjectType> = Objects[K];

/** What the simulator knows of a card beyond Stripe's public object. `key` names a row of the table of test cards. */
export interface CardPrivate {
  key: string;
  /** Set up for later off-session use (by a SetupIntent or a first on-session payment that was authenticated). */
  isSetUp: boolean;
  /** The customer has just passed the bank's challenge: the next charge takes it and clears it. */
  isAuthenticated: boolean;
  /** Once detached from a customer it can never be used again. */
  isDetached: boolean;
}

/** How a PaymentIntent came to be: what its invoice is, and whether the customer was there. */
export interface PaymentPrivate {
  invoiceId: string | null;
  isOffSession: boolean;
  /** The payment method the bank's challenge is about. */
  challengedPaymentMethodId: string | null;
  returnUrl: string | null;
}

/** What a Checkout Session will create once it is paid. */
export interface CheckoutPrivate {
  lineItems: { id: string; price: string; quantity: number | null }[];
  subscriptionData: Record<string, unknown>;
  challengedPaymentMethodId: string | null;
}

/** One signing secret; a rolled one lives until `expiresAt` (wall clock, unix milliseconds), the current one has null. */
export interface EndpointSecret {
  secret: string;
  expiresAt: number | null;
}

/** A snapshot event as Stripe stores it; `api_version` is the account's default, an endpoint's own is put in on delivery. */
export interface EventRecord {
  id: string;
  object: "event";
  api_version: string;
  created: number;
  data: { object: Record<string, unknown>; previous_attributes?: Record<string, unknown> };
  livemode: false;
  pending_webhooks: number;
  request: { id: string | null; idempotency_key: string | null };
  type: string;
}

/** A thin event (v2), with the data that only a retrieve gives. */
export interface ThinEventRecord {
  id: string;
  object: "v2.core.event";
  type: string;
  created: string;
  livemode: false;
  context: null;
  reason: null;
  related_object: { id: string; type: string; url: string } | null;
  data: Record<string, unknown>;
}

/** One event on its way to one endpoint. Instants are simulated unix milliseconds, except `at` of a try (wall). */
export interface DeliveryRecord {
  id: string;
  eventId: string;
  eventType: string;
  endpointId: string;
  url: string;
  status: "pending" | "delivered" | "failed";
  nextAttemptAtMs: number | null;
  createdAtMs: number;
  tries: { at: number; status: number | null; error: string | null; durationMs: number }[];
}

/** A stored answer under an idempotency key; `fingerprint` is over method, path and parameters. */
export interface IdempotencyRecord {
  id: string;
  fingerprint: string;
  status: number;
  body: unknown;
  /** Wall clock, unix milliseconds: how long keys are kept is transport time. */
  createdAtMs: number;
}

/** The one simulated clock: offset to the wall clock, and where it is being moved to. */
export interface ClockRecord {
  id: "clock";
  offsetMs: number;
  version: number;
  targetMs: number | null;
}

/** A fault on demand; `remaining` counts down, null is until it is removed. */
export interface FaultRecord {
  id: string;
  kind:
    | "rate-limit"
    | "lock-timeout"
    | "server-error"
    | "time-out"
    | "slow"
    | "drop-webhook"
    | "duplicate-webhook"
    | "reorder-webhooks"
    | "delay-webhook"
    | "no-holding";
  method: string | null;
  pathPrefix: string | null;
  eventType: string | null;
  delayMs: number;
  afterEffect: boolean;
  /** It strikes at each `every`-th call or event that it is about; `seen` counts them. */
  every: number;
  seen: number;
  /** Of a rate limit: Stripe's word for which one, and what it says about trying again; null is no header. */
  reason: RateLimitReason | null;
  shouldRetry: boolean | null;
  /** The scenario that it is a part of. */
  scenario: string | null;
  remaining: number | null;
}

/** What `Stripe-Rate-Limited-Reason` says; a lock that was not free has none (STRIPE.md 2). */
export type RateLimitReason =
  | "global-rate"
  | "global-concurrency"
  | "endpoint-rate"
  | "endpoint-concurrency"
  | "resource-specific";

/** What is not established of Stripe (STRIPE.md 7), or holds in some of its accounts alone: a test may choose. */
export interface Behaviours {
  id: "behaviours";
  /** Whether usage that comes after a renewal's draft was made is on it. */
  draftUsage: "until-finalization" | "as-drafted";
  /** How long an idempotency key is remembered, in hours of real time; null is for ever. */
  idempotencyKeyHours: number | null;
  /** Two items of one subscription on the same meter. */
  itemsOfOneMeter: "each-bills-all" | "refused";
  /** Calls a second, by real time; null is no limit. */
  callsPerSecondOfEndpoint: number | null;
  callsPerSecond: number | null;
}

/** A meter event resolved: whose usage it is, of which meter, and the value it carries ("1" for a count). */
export interface MeterEventPrivate {
  _meterId: string;
  _customerId: string;
  _value: string;
  _isCanceled: boolean;
}

/** Which meter event holds an identifier; it may be used again a day after `receivedAt` (simulated unix seconds). */
export interface MeterIdentifierRecord {
  id: string;
  eventId: string;
  receivedAt: number;
}

/** The last failed try to collect an invoice: a hard decline is not tried again on the same payment method. */
export interface InvoiceDecline {
  paymentMethodId: string | null;
  isHard: boolean;
}

/** What Stripe's Dashboard sets for all subscriptions, and what is not established of Stripe. */
export interface BillingSettings {
  id: "billing";
  /** Where a subscription ends up after the last retry failed. */
  afterLastRetry: "canceled" | "unpaid" | "past_due";
  /** Whether a retry that was scheduled still runs after `auto_advance: false`. */
  retryAfterTakeOver: "never" | "once";
}
