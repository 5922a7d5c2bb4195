-- Parts of one billing period that are on the same plan share what it includes: docs/decisions/0020.

-- The start of the subscription's period that a part lies in; null on Free, and for what was closed before this.
alter table usage_periods add column billing_start timestamptz;
update usage_periods u set billing_start = s.period_start from user_subscriptions s
where s.stripe_subscription_id = u.stripe_subscription_id and u.period_start >= s.period_start and u.period_start < s.period_end;

-- A window of what earlier parts of the period have used of the included quantity, beside the window of the total.
alter table usage_adjustments
  add column from_carried bigint not null default 0,
  add column to_carried bigint not null default 0,
  drop constraint usage_adjustments_check,
  add constraint usage_adjustments_check check (from_quantity <> to_quantity or from_carried <> to_carried),
  drop constraint usage_adjustments_reason_check,
  add constraint usage_adjustments_reason_check check (reason in ('late', 'remainder', 'allowance'));
