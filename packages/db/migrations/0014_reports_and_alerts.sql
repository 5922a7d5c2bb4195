-- The report outbox in full, and usage alerts: docs/decisions/0021.

-- How a metric is told to its meter: what was added since the last report, for a meter that sums; or the whole total of
-- the period so far, for a meter whose formula is `last`. A meter's formula never changes, so neither does a report's.
alter table metrics add column report_mode text not null default 'sum' check (report_mode in ('sum', 'last'));

-- compare_at is business time: when a report is next looked for in Stripe's summaries. What failed and was released (its
-- cause is gone) is told again, once the summaries show that it is missing, by a row of its own, with the next resend_no
-- and so another identifier; the old one becomes `replaced`.
alter table usage_reports
  add column report_mode text not null default 'sum' check (report_mode in ('sum', 'last')),
  add column resend_no int not null default 0,
  add column compare_at timestamptz,
  add column compare_tries int not null default 0,
  add column confirmed_at timestamptz,
  add column released_at timestamptz,
  drop constraint usage_reports_state_check,
  add constraint usage_reports_state_check
    check (state in ('pending', 'sending', 'sent', 'confirmed', 'failed', 'replaced')),
  drop constraint usage_reports_account_id_metric_period_start_window_no_key,
  add constraint usage_reports_one_of_each_window unique (account_id, metric, period_start, window_no, resend_no);

update usage_reports set compare_at = sent_at where state = 'sent';
-- Known to have been tried by first_sent_at.
update usage_reports set state = 'pending' where state = 'sending';

drop index usage_reports_open;
create index usage_reports_due on usage_reports (next_attempt_at) where state in ('pending', 'sending');
-- One call at a time for each customer and meter, whoever makes it.
create unique index usage_reports_one_call on usage_reports (stripe_customer_id, meter_event_name) where state = 'sending';
create index usage_reports_lane on usage_reports (stripe_customer_id, meter_event_name, period_start, window_no)
  where state in ('pending', 'sending');
create index usage_reports_to_compare on usage_reports (compare_at) where state = 'sent';
create index usage_reports_failed on usage_reports (released_at) where state = 'failed';
create index usage_reports_by_event on usage_reports (stripe_customer_id, meter_event_name, event_at);

-- What a customer wants to be told of instead of the defaults, for each metric: `percent:<of the included quantity>` or
-- `quantity:<units>`. No row: the defaults; an empty list: nothing.
create table usage_alerts (
  account_id text not null references accounts,
  metric text not null references metrics,
  thresholds text[] not null,
  primary key (account_id, metric)
);

-- A threshold that was reached, once a period (of Free, once a cycle of its anchor), inserted with its notice.
create table usage_alerts_fired (
  account_id text not null references accounts,
  metric text not null,
  period_start timestamptz not null,
  threshold text not null,
  quantity bigint not null,
  fired_at timestamptz not null,
  primary key (account_id, metric, period_start, threshold)
);
