-- Usage records in generations: one table is written at a time, so that the unique index that every event goes through
-- stays small and hot whatever is stored. A generation is sealed after some days or some million rows, never written
-- again, and dropped as a whole. An id is unique within a generation; in the older ones it is looked up.

alter table usage_records rename to usage_records_before;

-- Fixed widths first and eight columns: nothing is padded, and the row's header stays at its smallest. What the gateway
-- has checked is not checked again for each row: a total has its own check.
create table usage_records (
  quantity bigint not null,
  occurred_at timestamptz not null,
  received_at timestamptz not null,
  generation int not null,
  account_id text collate "C" not null,
  metric text not null,
  event_id text collate "C" not null,
  properties jsonb
) partition by list (generation);

-- opened_at and sealed_at are business time; the first one's opening is set by the first aggregator that looks.
-- newest_received_at is found when a generation may have become old: until then no id of it is.
create table usage_generations (
  generation int primary key check (generation > 0),
  table_name text generated always as ('usage_records_' || generation::text) stored,
  opened_at timestamptz,
  sealed_at timestamptz,
  newest_received_at timestamptz
);
create unique index usage_generations_current on usage_generations ((true)) where sealed_at is null;

-- Where each partition of the stream stood when the generation was opened; without a row, at its beginning. Who has seen
-- every commit from there to the opening of the next knows all ids of the generation.
create table usage_generation_positions (
  generation int not null references usage_generations on delete cascade,
  partition_no int not null,
  epoch text not null,
  last_stream_id text not null,
  primary key (generation, partition_no)
);

-- The ids of a sealed generation in one partition of the stream, as a Bloom filter in chunks. One that is missing is
-- made anew from the records.
create table usage_id_filters (
  generation int not null references usage_generations on delete cascade,
  partition_no int not null,
  chunk_no int not null,
  words bytea not null,
  primary key (generation, partition_no, chunk_no)
);
alter table usage_id_filters alter column words set storage external;

-- Attached, not created as a partition: that would wait for every reader of usage_records, and all others for it.
-- A generation lives too short to gain from vacuums while it is written.
create function create_usage_generation(wanted int) returns void language plpgsql as $$
declare
  child text := 'usage_records_' || wanted;
begin
  execute format('create table %I (like usage_records including all, primary key (account_id, event_id))
    with (autovacuum_vacuum_insert_threshold = -1)', child);
  execute format('alter table %I alter column generation set default %s', child, wanted);
  execute format('alter table usage_records attach partition %I for values in (%s)', child, wanted);
  insert into usage_generations (generation) values (wanted);
end $$;

-- What was stored before generations becomes the first one; an empty table is not worth keeping.
do $$ begin
  if exists (select from usage_records_before) then
    alter table usage_records_before rename to usage_records_1;
    alter table usage_records_1 rename constraint usage_records_pkey to usage_records_1_pkey;
    alter table usage_records_1 drop constraint usage_records_quantity_check, drop column payload_hash,
      alter column account_id type text collate "C", add column generation int not null default 1;
    alter table usage_records attach partition usage_records_1 for values in (1);
    insert into usage_generations (generation) values (1);
  else
    drop table usage_records_before;
    perform create_usage_generation(1);
  end if;
end $$;

-- Every writer's first step in its transaction: the generation that it writes, which stays the current one until its end.
-- Two statements, so that the second sees what was committed while the first waited.
create function lock_usage_generation() returns usage_generations language plpgsql as $$
declare
  current_generation usage_generations;
begin
  perform pg_advisory_xact_lock_shared(4000420006);
  select * into strict current_generation from usage_generations where sealed_at is null;
  return current_generation;
end $$;

-- Seals the current generation, where it is `wanted` still, and opens the next. All is made ready before the lock that
-- writers wait for. Never at the same time as a drop, which would wait for it with the writers behind. @returns whether
-- it did.
create function rotate_usage_generation(wanted int, sealed timestamptz) returns boolean language plpgsql as $$
begin
  perform pg_advisory_xact_lock(4000420007);
  if not exists (select from usage_generations where generation = wanted and sealed_at is null) then
    return false;
  end if;
  update usage_generations set sealed_at = sealed where generation = wanted;
  perform create_usage_generation(wanted + 1);
  update usage_generations set opened_at = sealed where generation = wanted + 1;
  perform pg_advisory_xact_lock(4000420006);
  insert into usage_generation_positions (generation, partition_no, epoch, last_stream_id)
    select wanted + 1, partition_no, epoch, last_stream_id from usage_stream_positions;
  return true;
end $$;

-- @returns whether there was such a generation, sealed.
create function drop_usage_generation(unwanted int) returns boolean language plpgsql as $$
begin
  perform pg_advisory_xact_lock(4000420007);
  delete from usage_generations where generation = unwanted and sealed_at is not null;
  if not found then
    return false;
  end if;
  execute format('drop table %I', 'usage_records_' || unwanted);
  return true;
end $$;

-- Rows come nearly in the order of their time: this finds the oldest without another index to write.
create index usage_minutes_by_minute on usage_minutes using brin (minute_at) with (autosummarize = on);
