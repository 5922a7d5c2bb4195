-- Usage: what was accepted, its totals by exact period, and what Stripe was told. Business time throughout.

-- An account's time is tiled by these rows without gap or overlap, from its first instant to the end of the period
-- after the present one, so that whoever writes usage always finds the period of a timestamp.
create table usage_periods (
  account_id text not null references accounts,
  period_start timestamptz not null,
  period_end timestamptz not null,
  plan_id text not null,
  plan_version int not null,
  stripe_subscription_id text,
  closed_at timestamptz,
  primary key (account_id, period_start),
  foreign key (plan_id, plan_version) references subscription_plans (plan_id, version),
  check (period_start < period_end)
);
create index usage_periods_due on usage_periods (period_end) where closed_at is null;

create table usage_records (
  account_id text not null,
  event_id text collate "C" not null,
  metric text not null,
  quantity bigint not null check (quantity between 0 and 999999999999999),
  occurred_at timestamptz not null,
  received_at timestamptz not null,
  payload_hash bigint not null,
  properties jsonb,
  primary key (account_id, event_id)
);

-- last_occurred_at decides `last`; quantity is the period's value by the metric's aggregation.
create table usage_totals (
  account_id text not null,
  metric text not null,
  period_start timestamptz not null,
  quantity bigint not null check (quantity between 0 and 999999999999999),
  event_count bigint not null,
  last_occurred_at timestamptz not null,
  primary key (account_id, metric, period_start)
);

create table usage_minutes (
  account_id text not null,
  metric text not null,
  minute_at timestamptz not null,
  quantity bigint not null,
  event_count bigint not null,
  last_occurred_at timestamptz not null,
  primary key (account_id, metric, minute_at)
);

-- One row for each partition of the stream; locked by the commit of every batch. `epoch` is the life of one Redis:
-- after its loss a new epoch starts and stream ids count anew. `fence` rises with every owner: a commit that carries an
-- older one is refused. Leases are transport: leased_until is the server's wall time.
create table usage_stream_positions (
  partition_no int primary key,
  epoch text not null default '',
  last_stream_id text not null default '0-0',
  fence bigint not null default 0,
  owner text,
  leased_until timestamptz not null default '-infinity',
  committed_at timestamptz
);

-- The aggregators that are alive, so that each takes its share of the partitions. Wall time.
create table usage_aggregators (
  aggregator text primary key,
  alive_until timestamptz not null
);

-- What was counted live at acceptance and not stored (repeats, conflicts, quarantine), until Redis has taken it back.
create table usage_corrections (
  correction_id bigint generated always as identity primary key,
  partition_no int not null references usage_stream_positions,
  epoch text not null,
  stream_id text not null,
  account_id text not null,
  is_rebuild boolean not null,
  deltas jsonb not null
);
create index usage_corrections_by_partition on usage_corrections (partition_no, correction_id);

create table usage_quarantine (
  quarantine_id bigint generated always as identity primary key,
  account_id text,
  event_id text,
  metric text,
  payload jsonb not null,
  reason text not null,
  detail text not null,
  received_at timestamptz,
  quarantined_at timestamptz not null,
  replayed_at timestamptz
);

-- The report outbox. A row is a frozen window of a period's running total, [from_quantity, to_quantity): it is
-- written before it is sent, what it bills never changes, and its identifier follows from that. Windows of a total
-- are numbered from 1 and join; one that goes down takes back (a plan was cut after its usage was reported).
-- next_attempt_at is wall time: while a row is sent it is nobody else's until then.
create table usage_reports (
  identifier text primary key,
  account_id text not null,
  metric text not null,
  period_start timestamptz not null,
  window_no int not null,
  from_quantity bigint not null,
  to_quantity bigint not null,
  stripe_customer_id text not null,
  meter_event_name text not null,
  event_at timestamptz not null,
  state text not null default 'pending' check (state in ('pending', 'sending', 'sent', 'confirmed', 'failed')),
  attempts int not null default 0,
  next_attempt_at timestamptz not null default '-infinity',
  last_error text,
  created_at timestamptz not null,
  first_sent_at timestamptz,
  sent_at timestamptz,
  unique (account_id, metric, period_start, window_no),
  check (from_quantity <> to_quantity)
);
create index usage_reports_open on usage_reports (next_attempt_at) where state in ('pending', 'sending', 'failed');
