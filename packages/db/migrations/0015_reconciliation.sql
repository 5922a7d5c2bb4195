-- Proof that what was accepted is stored, counted, reported and invoiced (ADR 0022, 0023). Instants that say when we
-- looked are wall time; periods are business time.

-- A reading of the records of one period in bounded steps. `spans` are what its totals are made of, `sums` what was read
-- up to `after_id`, `before` the totals when it began. `step_at` is a lease.
create table usage_readings (
  account_id text not null references accounts,
  period_start timestamptz not null,
  period_end timestamptz not null,
  spans jsonb not null,
  before jsonb not null,
  sums jsonb not null default '{}',
  after_id text collate "C" not null default '',
  began_at timestamptz not null,
  step_at timestamptz not null default '-infinity',
  primary key (account_id, period_start)
);
create index usage_readings_due on usage_readings (step_at);

-- The events of a closed period as one figure that their producer can compute too. Events that came later make another
-- version (the total has another count then than when it was read); none is ever changed.
create table usage_digests (
  account_id text not null references accounts,
  metric text not null,
  period_start timestamptz not null,
  version int not null,
  digest text not null check (digest ~ '^[0-9a-f]{64}$'),
  event_count bigint not null,
  quantity bigint not null,
  total_event_count bigint not null,
  computed_at timestamptz not null,
  primary key (account_id, metric, period_start, version)
);

-- One comparison for each account, metric and period: the latest. `stored` is what a reading found, with the total's
-- number of events before and after it. `look_at` is when it is compared again though nothing moved; null: never.
create table reconciliations (
  reconciliation_id bigint generated always as identity primary key,
  account_id text not null references accounts,
  metric text not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  state text not null check (state in ('agrees', 'in_flight', 'drifted', 'repaired')),
  figures jsonb not null,
  stored jsonb,
  differences jsonb not null default '[]',
  largest bigint not null default 0,
  since timestamptz not null,
  compared_at timestamptz not null,
  look_at timestamptz,
  repaired_at timestamptz,
  priority smallint generated always as (case state when 'drifted' then 0 when 'in_flight' then 1 when 'repaired' then 2
    else 3 end) stored not null,
  unique (account_id, metric, period_start)
);
create index reconciliations_due on reconciliations (look_at) where look_at is not null;
create index reconciliations_listed on reconciliations (priority, reconciliation_id desc);
create index reconciliations_by_period on reconciliations (period_end, reconciliation_id);

-- What of Stripe's objects differs from its mirror, from when it is seen until it is seen no more.
create table mirror_differences (
  object_id text primary key,
  object_type text not null,
  account_id text,
  difference text not null,
  looks int not null default 1,
  since timestamptz not null,
  seen_at timestamptz not null
);

-- How far each walk has come; `leased_until` keeps two workers from the same step.
create table reconciliation_walks (
  walk text primary key,
  position jsonb not null default '{}',
  began_at timestamptz,
  completed_at timestamptz,
  next_at timestamptz not null default '-infinity'
);

-- What reports are signed with; the newest signs, all verify.
create table signing_keys (
  key_id text primary key,
  public_key text not null,
  private_key text not null,
  is_current boolean not null default true,
  created_at timestamptz not null
);
create unique index signing_keys_one_current on signing_keys ((true)) where is_current;

create index usage_periods_closed on usage_periods (closed_at, account_id, period_start) where closed_at is not null;
