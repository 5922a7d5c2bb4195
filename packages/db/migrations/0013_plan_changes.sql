-- A change of a subscription is a row before anything is done (ADR 0020). The worker carries it out in steps, each of
-- which may be repeated; a process that dies leaves the row to the next one.

-- `wish` is what was asked for, `kind` what that comes to once Stripe was read. effective_at is a whole second: the cut of
-- an upgrade, else when the change comes into force. is_cut: the account's periods follow the change already, Stripe does
-- not yet. dropped_plan: a scheduled plan that a cancellation drops, and that resume brings back. Instants are business
-- time but for next_try_at, give_up_at and sent_at, which are transport.
create table plan_changes (
  change_id text primary key,
  account_id text not null references accounts,
  stripe_subscription_id text not null,
  wish text not null check (wish in ('change', 'cancel', 'cancel-now', 'resume')),
  wanted_plan_id text,
  kind text check (kind in ('upgrade', 'downgrade', 'cancel-at-end', 'take-back', 'resume', 'cancel-now')),
  state text not null default 'requested' check (state in ('requested', 'draining', 'reporting', 'verifying', 'changing',
    'undoing', 'ending', 'closing', 'settling', 'syncing', 'finished')),
  from_plan_id text,
  from_plan_version int,
  to_plan_id text,
  to_plan_version int,
  dropped_plan_id text,
  dropped_plan_version int,
  effective_at timestamptz,
  is_cut boolean not null default false,
  drain_positions jsonb,
  tries int not null default 0,
  next_try_at timestamptz not null default '-infinity',
  give_up_at timestamptz not null,
  sent_at timestamptz,
  -- Null: it was done. Else why nothing has changed: { code, detail, declineCode? }.
  refusal jsonb,
  requested_at timestamptz not null,
  finished_at timestamptz,
  -- When somebody who asked was told how it ended.
  told_at timestamptz,
  foreign key (from_plan_id, from_plan_version) references subscription_plans (plan_id, version),
  foreign key (to_plan_id, to_plan_version) references subscription_plans (plan_id, version),
  foreign key (dropped_plan_id, dropped_plan_version) references subscription_plans (plan_id, version),
  check ((wish = 'change') = (wanted_plan_id is not null)),
  check ((state = 'finished') = (finished_at is not null)),
  check (not is_cut or (effective_at is not null and to_plan_id is not null))
);
create unique index plan_changes_one_open on plan_changes (account_id) where finished_at is null;
create index plan_changes_by_subscription on plan_changes (stripe_subscription_id, requested_at);
