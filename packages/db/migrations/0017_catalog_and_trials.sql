-- The catalogue as code, and trials: docs/decisions/0026 and 0027.

-- Marks what this database made in Stripe, where several share an account (a test account of two developers). The portal's
-- configuration is one of our own: the account's default may be somebody else's.
alter table installation
  add column installation_id text not null default gen_random_uuid()::text,
  add column stripe_portal_configuration_id text;

-- Stripe takes two years at most.
alter table subscription_plans add column trial_days int not null default 0 check (trial_days between 0 and 730);

-- Once an account, whatever became of it.
alter table accounts add column trial_started_at timestamptz;
-- The end of its trial, passed or ahead: until then its usage is not billed.
alter table user_subscriptions add column trial_ends_at timestamptz;
-- A repeat under the same idempotency key asks for the same.
alter table checkout_reservations add column trial_days int not null default 0;
