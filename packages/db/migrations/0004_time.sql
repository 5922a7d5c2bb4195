-- What depends on time: period closes, dunning, notices. Due rows are claimed from here; a queue is only transport.

create table period_closes (
  stripe_subscription_id text not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  account_id text not null references accounts,
  invoice_id text not null,
  state text not null check (state in ('claimed', 'draining', 'reporting', 'verifying', 'finalizing', 'closed')),
  drain_positions jsonb,
  mismatch text,
  due_at timestamptz not null,
  deadline_at timestamptz not null,
  claimed_at timestamptz not null,
  closed_at timestamptz,
  primary key (stripe_subscription_id, period_start)
);
create index period_closes_due on period_closes (due_at) where closed_at is null;

-- One story for each invoice (FIELD H21).
create table dunning_cases (
  invoice_id text primary key references invoices,
  account_id text not null references accounts,
  stripe_subscription_id text,
  state text not null check (state in ('retrying', 'waiting_for_card', 'action_required', 'recovered', 'gave_up', 'stopped')),
  mode text not null check (mode in ('worker', 'stripe')),
  attempts int not null default 0,
  decline_code text,
  failed_payment_method_id text,
  first_failed_at timestamptz not null,
  next_step_at timestamptz,
  settled_at timestamptz
);
create index dunning_cases_due on dunning_cases (next_step_at) where settled_at is null;

-- A row is written before the payment is tried; its idempotency key goes to Stripe.
create table dunning_attempts (
  invoice_id text not null references dunning_cases,
  attempt int not null,
  idempotency_key text not null unique,
  reason text not null check (reason in ('schedule', 'new_card')),
  outcome text check (outcome in ('paid', 'declined', 'action_required', 'error')),
  decline_code text,
  started_at timestamptz not null,
  ended_at timestamptz,
  primary key (invoice_id, attempt)
);

create table notification_endpoints (
  endpoint_id text primary key,
  account_id text not null references accounts,
  url text not null,
  secret text not null,
  created_at timestamptz not null,
  unique (account_id, url)
);

-- The outbox of notices: `dedupe_key` names the settled step, so a step is told once.
create table notices (
  notice_id text primary key,
  account_id text not null references accounts,
  type text not null,
  dedupe_key text not null unique,
  data jsonb not null,
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
