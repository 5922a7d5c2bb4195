-- What is kept of usage over time, and for how long: docs/decisions/0017. Hours become days when they go.

create table usage_days (
  account_id text not null,
  metric text not null,
  day_at timestamptz not null,
  quantity bigint not null,
  event_count bigint not null,
  last_occurred_at timestamptz not null,
  primary key (account_id, metric, day_at)
);

-- Whatever is old is found by its time. A BRIN index forgets no minimum: once the room of removed rows is used again, it
-- sends the search over the whole table.
drop index usage_minutes_by_minute;
create index usage_minutes_by_minute on usage_minutes (minute_at);
create index usage_hours_by_hour on usage_hours (hour_at);
drop index usage_groups_by_age;
create index usage_groups_by_age on usage_groups (window_minutes, window_at);
create index usage_unique_values_by_period on usage_unique_values (period_start);
