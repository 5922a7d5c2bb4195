-- Accounts that move from one version of a plan to another: docs/decisions/0032.

-- A schedule names a price, and so a version. Null beside a plan was written by a process of before: what is sold now.
alter table user_subscriptions add column pending_plan_version int;

-- The version of Free that an account was opened with; another one comes by a move.
alter table accounts add column free_plan_version int not null default 1;
update accounts a set free_plan_version = u.plan_version
from (select distinct on (account_id) account_id, plan_version from usage_periods where plan_id = 'free'
  order by account_id, period_start desc) u
where u.account_id = a.account_id;

-- What an operator wants of one account; it stands for as long as the account could come back to the version. effective_at
-- is when the new version comes into force, once that is known: of Free it decides. settled_at: there is nothing to do
-- now, because it is made, or planned at Stripe, or the version ends without it. next_try_at is transport, the other
-- instants are business time.
create table plan_version_moves (
  account_id text not null references accounts,
  plan_id text not null,
  from_version int not null,
  to_version int not null,
  timing text not null check (timing in ('period-end', 'now')),
  asked_at timestamptz not null,
  -- The change of its subscription that carries it out.
  change_id text references plan_changes,
  tries int not null default 0,
  next_try_at timestamptz not null default '-infinity',
  -- Why the last try was in vain: { code, detail, declineCode? }.
  refusal jsonb,
  effective_at timestamptz,
  settled_at timestamptz,
  primary key (account_id, plan_id, from_version),
  foreign key (plan_id, from_version) references subscription_plans (plan_id, version),
  foreign key (plan_id, to_version) references subscription_plans (plan_id, version)
);
create index plan_version_moves_due on plan_version_moves (next_try_at) where settled_at is null;

alter table plan_changes add column wanted_plan_version int,
  drop constraint plan_changes_wish_check,
  add constraint plan_changes_wish_check
    check (wish in ('change', 'cancel', 'cancel-now', 'resume', 'migrate', 'migrate-now')),
  drop constraint plan_changes_kind_check,
  add constraint plan_changes_kind_check
    check (kind in ('upgrade', 'downgrade', 'cancel-at-end', 'take-back', 'resume', 'cancel-now', 'migrate')),
  drop constraint plan_changes_check,
  add constraint plan_changes_check
    check ((wish in ('change', 'migrate', 'migrate-now')) = (wanted_plan_id is not null)
      and (wish in ('migrate', 'migrate-now')) = (wanted_plan_version is not null));
create index plan_changes_open_migrations on plan_changes (wish) where finished_at is null and wanted_plan_version is not null;
