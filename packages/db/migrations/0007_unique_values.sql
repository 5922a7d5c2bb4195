-- The values that a `unique` metric has seen in a period: its total is how many there are.
create table usage_unique_values (
  account_id text collate "C" not null,
  metric text not null,
  period_start timestamptz not null,
  value text collate "C" not null,
  primary key (account_id, metric, period_start, value)
);

-- Rows that every batch updates in place: with room on their pages they need no new index entry, and no vacuum.
alter table usage_totals set (fillfactor = 50);
alter table usage_minutes set (fillfactor = 70);
alter table usage_stream_positions set (fillfactor = 10);
