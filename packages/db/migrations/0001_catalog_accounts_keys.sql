-- The plan catalogue (versioned: a subscription keeps the version it was sold), accounts, and credentials.

-- One row: what this database belongs to. A process that finds another Stripe account or mode refuses to start.
create table installation (
  is_only boolean primary key default true check (is_only),
  mode text not null check (mode in ('simulator', 'test', 'live')),
  stripe_account_id text,
  usage_partitions int not null check (usage_partitions between 1 and 1024),
  created_at timestamptz not null
);

create table metrics (
  metric text primary key check (metric ~ '^[a-z][a-z0-9_]{0,63}$'),
  name text not null,
  aggregation text not null check (aggregation in ('sum', 'count', 'max', 'last', 'unique')),
  unit text not null,
  group_by_keys text[] not null default '{}',
  stripe_meter_id text,
  stripe_meter_event_name text,
  created_at timestamptz not null
);

create table subscription_plans (
  plan_id text not null,
  version int not null,
  name text not null,
  rank int not null,
  price_amount_minor bigint not null check (price_amount_minor >= 0),
  currency text not null check (currency ~ '^[a-z]{3}$'),
  billing_interval text not null check (billing_interval in ('month', 'year')),
  retention_days int not null,
  support text not null,
  is_current boolean not null default true,
  stripe_product_id text,
  stripe_price_id text unique,
  created_at timestamptz not null,
  primary key (plan_id, version)
);
create unique index subscription_plans_one_current on subscription_plans (plan_id) where is_current;

create table features (
  plan_id text not null,
  plan_version int not null,
  feature text not null,
  name text not null,
  position int not null,
  primary key (plan_id, plan_version, feature),
  foreign key (plan_id, plan_version) references subscription_plans (plan_id, version)
);

-- included_quantity null: unlimited. Overage is priced per `overage_per_units` by the event, rounded once a line.
create table plan_limits (
  plan_id text not null,
  plan_version int not null,
  metric text not null references metrics,
  included_quantity bigint check (included_quantity >= 0),
  overage_policy text not null check (overage_policy in ('refuse', 'bill', 'unlimited')),
  overage_amount_minor bigint,
  overage_per_units bigint,
  stripe_price_id text unique,
  primary key (plan_id, plan_version, metric),
  foreign key (plan_id, plan_version) references subscription_plans (plan_id, version),
  check ((overage_policy = 'bill') = (overage_amount_minor is not null and overage_per_units is not null)),
  check ((overage_policy = 'unlimited') = (included_quantity is null))
);

create table accounts (
  account_id text primary key check (account_id ~ '^[A-Za-z0-9_-]{1,64}$'),
  name text,
  email text,
  stripe_customer_id text unique,
  free_anchor_at timestamptz not null,
  limits_version bigint not null default 1,
  limits_pushed_version bigint not null default 0,
  created_at timestamptz not null
);
create index accounts_limits_to_push on accounts (account_id) where limits_pushed_version < limits_version;

-- Only the hash of a key is stored. account_id null: acts for any account (scope service) or none (operator).
create table api_keys (
  key_id text primary key,
  key_hash bytea not null unique,
  display_prefix text not null,
  name text not null,
  mode text not null check (mode in ('test', 'live')),
  scopes text[] not null check (scopes <@ array['usage:write', 'billing:read', 'billing:write', 'service', 'operator']),
  account_id text references accounts,
  created_at timestamptz not null,
  revoked_at timestamptz
);

create table audit_log (
  audit_id bigint generated always as identity primary key,
  actor text not null,
  action text not null,
  target text not null,
  detail jsonb not null default '{}',
  happened_at timestamptz not null
);
