-- Reading usage over time: rollups by hour, and by the values of the properties that a metric declares
-- (metrics.group_by_keys). Written with the records, in one transaction; docs/decisions/0015.

create table usage_hours (
  account_id text not null,
  metric text not null,
  hour_at timestamptz not null,
  quantity bigint not null,
  event_count bigint not null,
  last_occurred_at timestamptz not null,
  primary key (account_id, metric, hour_at)
);

insert into usage_hours (account_id, metric, hour_at, quantity, event_count, last_occurred_at)
select m.account_id, m.metric, date_trunc('hour', m.minute_at, 'UTC'),
  case c.aggregation when 'max' then max(m.quantity)
    when 'last' then (array_agg(m.quantity order by m.last_occurred_at desc, m.minute_at desc))[1]
    else sum(m.quantity) end,
  sum(m.event_count), max(m.last_occurred_at)
from usage_minutes m join metrics c using (metric)
group by m.account_id, m.metric, c.aggregation, 3;

-- One row for each window (a minute, an hour, a day of UTC) and value of a declared key. `value` is the property as
-- canonical JSON; `null` stands for events without one (written where a rest cannot be had by subtraction: max, last),
-- and `*` for the values past the day's bound.
create table usage_groups (
  account_id text not null,
  metric text not null,
  key text collate "C" not null,
  window_minutes int not null check (window_minutes in (1, 60, 1440)),
  window_at timestamptz not null,
  value text collate "C" not null,
  quantity bigint not null,
  event_count bigint not null,
  last_occurred_at timestamptz not null,
  primary key (account_id, metric, key, window_minutes, window_at, value)
);
-- For the removal of old minutes; next to nothing to keep up.
create index usage_groups_by_age on usage_groups using brin (window_at);

-- A catalogue that was seeded before; a new one is seeded with them.
update metrics set group_by_keys = array['source', 'type'] where metric = 'events' and group_by_keys = '{}';
update metrics set group_by_keys = array['severity'] where metric = 'alerts' and group_by_keys = '{}';
update metrics set group_by_keys = array['endpoint', 'status'] where metric = 'api_requests' and group_by_keys = '{}';
