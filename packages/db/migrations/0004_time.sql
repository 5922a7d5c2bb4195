-- What depends on time: period closes, dunning, notices. Due rows are claimed from here; a queue is only transport.

-- One row for each period of a subscription that bills usage: its invoice is finalized, or the subscription cancelled
-- (`ending`), only after the usage was reported and verified. due_at is business time; next_try_at is transport.
create table period_closes (
  stripe_subscription_id text not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  account_id text not null references accounts,
  ending text not null check (ending in ('finalize', 'cancel')),
  invoice_id text,
  state text not null check (state in ('claimed', 'draining', 'reporting', 'verifying', 'finalizing', 'closed')),
  drain_positions jsonb,
  mismatch text,
  tries int not null default 0,
  due_at timestamptz not null,
  next_try_at timestamptz not null default '-infinity',
  deadline_at timestamptz not null,
  claimed_at timestamptz not null,
  closed_at timestamptz,
  primary key (stripe_subscription_id, period_start),
  check ((ending = 'finalize') = (invoice_id is not null))
);
create index period_closes_due on period_closes (due_at) where closed_at is null;

-- One story for each invoice (FIELD H21). last_tried_at is the latest try, Stripe's first failure included;
-- taken_over_at is when the invoice was taken from Stripe's own retries.
create table dunning_cases (
  invoice_id text primary key references invoices,
  account_id text not null references accounts,
  stripe_subscription_id text,
  state text not null check (state in ('retrying', 'waiting_for_card', 'action_required', 'recovered', 'gave_up', 'stopped')),
  mode text not null check (mode in ('worker', 'stripe')),
  attempts int not null default 0,
  decline_code text,
  failed_payment_method_id text,
  -- A card that came after the failure and is tried at once, before the schedule; those that were there or tried.
  new_payment_method_id text,
  seen_payment_method_ids text[] not null,
  first_failed_at timestamptz not null,
  last_tried_at timestamptz not null,
  taken_over_at timestamptz,
  -- Business time: the next try, or the last step. next_try_at is transport: when a step that broke off is repeated.
  next_step_at timestamptz,
  next_try_at timestamptz not null default '-infinity',
  settled_at timestamptz
);
create index dunning_cases_due on dunning_cases (next_step_at) where settled_at is null;
create index dunning_cases_by_account on dunning_cases (account_id) where settled_at is null;

-- A row is written before the payment is tried; its idempotency key goes to Stripe.
create table dunning_attempts (
  invoice_id text not null references dunning_cases,
  attempt int not null,
  idempotency_key text not null unique,
  reason text not null check (reason in ('schedule', 'new_card')),
  payment_method_id text,
  outcome text check (outcome in ('paid', 'declined', 'action_required', 'error')),
  decline_code text,
  started_at timestamptz not null,
  ended_at timestamptz,
  primary key (invoice_id, attempt)
);

-- A card that the customer entered: it becomes the default where payments are taken from, once, the newest last.
create table new_cards (
  cause_id text primary key,
  account_id text not null references accounts,
  payment_method_id text not null,
  chosen_at timestamptz not null,
  noted_order bigint generated always as identity,
  next_try_at timestamptz not null default '-infinity',
  adopted_at timestamptz
);
create index new_cards_due on new_cards (next_try_at) where adopted_at is null;

create table notification_endpoints (
  endpoint_id text primary key,
  account_id text not null references accounts,
  url text not null,
  secret text not null,
  created_at timestamptz not null,
  unique (account_id, url)
);

-- The outbox of notices: `dedupe_key` names the settled step, so a step is told once. Notices of one subject reach an
-- endpoint in the order of their numbers, so that a late failure is never told after its success.
create table notices (
  notice_id text primary key,
  notice_no bigint generated always as identity,
  account_id text not null references accounts,
  type text not null,
  dedupe_key text not null unique,
  data jsonb not null,
  subject text not null generated always as (coalesce(data ->> 'invoiceId', data ->> 'subscriptionId', account_id)) stored,
  created_at timestamptz not null
);

-- Delivery is transport: next_attempt_at is wall time.
create table notice_deliveries (
  notice_id text not null references notices,
  endpoint_id text not null references notification_endpoints on delete cascade,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
  attempts int not null default 0,
  next_attempt_at timestamptz not null,
  last_status int,
  last_error text,
  delivered_at timestamptz,
  primary key (notice_id, endpoint_id)
);
create index notice_deliveries_due on notice_deliveries (next_attempt_at) where state = 'pending';
create index notice_deliveries_pending on notice_deliveries (endpoint_id) where state = 'pending';
