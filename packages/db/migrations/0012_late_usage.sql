-- Usage that was not billed in its period, and metrics that operators define: docs/decisions/0019.

-- `version` rises with each change, so that whoever keeps metrics in memory sees that they are no longer the same.
alter table metrics
  add column late_policy text not null default 'carry-as-adjustment'
    check (late_policy in ('bill-in-period-if-draft', 'carry-as-adjustment', 'reject', 'operator-review')),
  add column version int not null default 1;

-- Closed periods whose totals may not be what was billed of them. The row is written with what changed them; the first
-- mark stays, so that what comes in for a while becomes one line. marked_at is business time, next_try_at transport.
create table usage_adjustment_checks (
  account_id text not null references accounts,
  period_start timestamptz not null,
  marked_at timestamptz not null,
  next_try_at timestamptz not null default '-infinity',
  primary key (account_id, period_start)
);
create index usage_adjustment_checks_due on usage_adjustment_checks (marked_at);

-- What a closed period's total holds beyond what was billed of it, as a window [from_quantity, to_quantity) of that total
-- (one that goes down is a credit). Windows of a total are numbered from 1 and join, and amount_minor is the difference
-- of what the total costs at both ends, so that they always add up to the price of the whole. It is written before it is
-- sent and never changes. `settled` costs nothing; `sent` is an item at Stripe that no invoice has taken up; `review`
-- waits for a person. billed_on is decided and written before the first call. next_attempt_at is wall time.
create table usage_adjustments (
  adjustment_id text primary key,
  account_id text not null references accounts,
  metric text not null references metrics,
  period_start timestamptz not null,
  period_end timestamptz not null,
  window_no int not null,
  from_quantity bigint not null,
  to_quantity bigint not null,
  amount_minor bigint not null,
  currency text not null,
  reason text not null check (reason in ('late', 'remainder')),
  stripe_subscription_id text not null,
  stripe_customer_id text not null,
  state text not null check (state in ('settled', 'pending', 'sending', 'sent', 'invoiced', 'review', 'waived')),
  billed_on text check (billed_on in ('subscription', 'own-invoice')),
  stripe_invoice_item_id text,
  stripe_invoice_id text,
  attempts int not null default 0,
  next_attempt_at timestamptz not null default '-infinity',
  last_error text,
  created_at timestamptz not null,
  first_sent_at timestamptz,
  sent_at timestamptz,
  invoiced_at timestamptz,
  unique (account_id, metric, period_start, window_no),
  check (from_quantity <> to_quantity),
  check ((state = 'settled') = (amount_minor = 0) or state in ('review', 'waived')),
  check (state not in ('sending', 'sent', 'invoiced') or billed_on is not null)
);
create index usage_adjustments_open on usage_adjustments (next_attempt_at) where state in ('pending', 'sending', 'sent');

-- replaying_at is set before an event goes in again, replayed_at once it is in: in between it is sent again.
alter table usage_quarantine
  add column replaying_at timestamptz,
  add column discarded_at timestamptz,
  add check (replayed_at is null or discarded_at is null);
create index usage_quarantine_by_event on usage_quarantine (account_id, event_id);
create index usage_quarantine_open on usage_quarantine (quarantined_at, quarantine_id)
  where replayed_at is null and discarded_at is null;

-- What was closed before this: looked at once, where it still can be billed.
insert into usage_adjustment_checks (account_id, period_start, marked_at)
select account_id, period_start, closed_at from usage_periods
where closed_at is not null and stripe_subscription_id is not null and period_end > now() - interval '36 days';
