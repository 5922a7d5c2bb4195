-- What Stripe says, mirrored: an event is a hint, the object is fetched again, our own fetch sequence is the version.

create sequence stripe_fetch_sequence;

create table stripe_events (
  event_id text primary key,
  type text not null,
  api_version text,
  object_id text,
  outcome text not null check (outcome in ('applied', 'ignored')),
  reason text,
  recorded_at timestamptz not null
);
create index stripe_events_by_object on stripe_events (object_id);

-- One row: up to which of Stripe's instants its list of events was compared with stripe_events, and when that ran.
create table stripe_event_sweeps (
  is_only boolean primary key default true check (is_only),
  swept_until timestamptz not null,
  swept_at timestamptz not null
);

-- generation rises with each hint; synced_generation is the generation that the newest applied fetch began after.
create table stripe_objects (
  object_id text primary key,
  object_type text not null,
  stripe_customer_id text,
  account_id text,
  generation bigint not null default 1,
  synced_generation bigint not null default 0,
  fetch_sequence bigint not null default 0,
  is_deleted boolean not null default false,
  failure text,
  marked_at timestamptz not null,
  synced_at timestamptz
);
create index stripe_objects_dirty on stripe_objects (marked_at) where synced_generation < generation;

-- One fetch-and-apply at a time for each customer; `fence` rises with each holder and is checked at commit.
create table stripe_customer_leases (
  stripe_customer_id text primary key,
  holder text not null,
  fence bigint not null,
  leased_until timestamptz not null
);

create table user_subscriptions (
  stripe_subscription_id text primary key,
  account_id text not null references accounts,
  plan_id text not null,
  plan_version int not null,
  status text not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  cancel_at_period_end boolean not null,
  cancel_at timestamptz,
  ended_at timestamptz,
  stripe_schedule_id text,
  pending_plan_id text,
  default_payment_method_id text,
  latest_invoice_id text,
  started_at timestamptz not null,
  -- The instant T of the last change of plan (Stripe's proration_date, from the subscription's metadata
  -- plan_changed_at); null: the plan it began with, or a change whose instant nobody told.
  plan_changed_at timestamptz,
  fetch_sequence bigint not null,
  foreign key (plan_id, plan_version) references subscription_plans (plan_id, version)
);
create index user_subscriptions_by_account on user_subscriptions (account_id);

-- A subscription that was paid although the account had one: written before it is cancelled, settled once refunded.
create table double_checkouts (
  stripe_subscription_id text primary key references user_subscriptions,
  kept_subscription_id text not null references user_subscriptions,
  account_id text not null references accounts,
  found_at timestamptz not null,
  refunded_amount_minor bigint,
  currency text,
  settled_at timestamptz
);
create index double_checkouts_open on double_checkouts (account_id) where settled_at is null;

create table payment_methods (
  payment_method_id text primary key,
  account_id text not null references accounts,
  brand text,
  last4 text,
  exp_month int,
  exp_year int,
  is_default boolean not null default false,
  fetch_sequence bigint not null
);
create index payment_methods_by_account on payment_methods (account_id);

-- One open session for each account: two requests at once give the same one.
create table checkout_sessions (
  session_id text primary key,
  account_id text not null references accounts,
  plan_id text not null,
  status text not null check (status in ('open', 'complete', 'expired')),
  url text,
  success_url text not null,
  cancel_url text not null,
  stripe_subscription_id text,
  expires_at timestamptz not null,
  created_at timestamptz not null
);
create unique index checkout_sessions_one_open on checkout_sessions (account_id) where status = 'open';

-- What is being made at Stripe for an account just now: written before the call, removed with the session's row. A crash
-- between leaves it, and the next request repeats the call under the same idempotency key: the same session.
create table checkout_reservations (
  account_id text primary key references accounts,
  plan_id text not null,
  plan_version int not null,
  success_url text not null,
  cancel_url text not null,
  idempotency_key text not null unique,
  created_at timestamptz not null,
  foreign key (plan_id, plan_version) references subscription_plans (plan_id, version)
);

-- One change of an account's subscription at Stripe at a time. Transport: leased_until is wall time.
create table account_leases (
  account_id text primary key references accounts,
  holder text not null,
  leased_until timestamptz not null
);

create table invoices (
  invoice_id text primary key,
  account_id text not null references accounts,
  stripe_subscription_id text,
  number text,
  status text not null,
  billing_reason text,
  total_minor bigint not null,
  amount_due_minor bigint not null,
  amount_paid_minor bigint not null,
  amount_remaining_minor bigint not null,
  currency text not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  hosted_url text,
  pdf_url text,
  lines jsonb not null,
  created_at timestamptz not null,
  finalized_at timestamptz,
  paid_at timestamptz,
  next_payment_attempt_at timestamptz,
  automatically_finalizes_at timestamptz,
  payment_intent_id text,
  attempt_count int not null default 0,
  auto_advance boolean not null default false,
  -- Of the last try to pay, from the invoice's PaymentIntent: last_payment_error, and whether it waits for the customer.
  decline_code text,
  failed_payment_method_id text,
  is_action_required boolean not null default false,
  fetch_sequence bigint not null
);
create index invoices_by_account on invoices (account_id, created_at desc, invoice_id desc);
