-- A generation of records is written without its unique index, which took more of PostgreSQL than all the rest of an
-- event: docs/decisions/0037. Its writers know the ids that it holds; who does not has the index made first.

-- made_at and index_asked_at are wall time: how long ids may be known to nobody but writers and guard, and since when
-- somebody reads records. has_repeats: the index could not be made unique, which writers must not rely on then.
alter table usage_generations
  add column made_at timestamptz not null default clock_timestamp(),
  add column is_indexed boolean not null default false,
  add column has_repeats boolean not null default false,
  add column index_asked_at timestamptz;
update usage_generations set is_indexed = true;

create or replace function create_usage_generation(wanted int) returns void language plpgsql as $$
declare
  child text := 'usage_records_' || wanted;
begin
  execute format('create table %I (like usage_records including all)
    with (autovacuum_vacuum_insert_threshold = -1)', child);
  execute format('alter table %I alter column generation set default %s', child, wanted);
  execute format('alter table usage_records attach partition %I for values in (%s)', child, wanted);
  insert into usage_generations (generation) values (wanted);
end $$;

-- The first generation of a new installation is made anew like all others.
do $$ begin
  if (select count(*) from usage_generations) = 1 and not exists (select from usage_records) then
    execute (select format('drop table %I', table_name) from usage_generations);
    delete from usage_generations;
    perform create_usage_generation(1);
  end if;
end $$;

-- Makes a generation's index, while its readers go on and its writers wait. The row's lock lets one of those who want it
-- do it and the others find it done; positions and filters of the generation can be written meanwhile. Repeats, which
-- only a fault of a writer can leave, take the uniqueness and not the index. @returns "made", "repeats" with the first of
-- them, or null where it was there.
create function index_usage_generation(wanted int, out made text, out detail text) language plpgsql
  set maintenance_work_mem = '64MB' set max_parallel_maintenance_workers = 0 as $$
declare
  child text := 'usage_records_' || wanted;
  statement text := format('create %%s index %I on %I (account_id, event_id)', child || '_key', child);
begin
  perform from usage_generations where generation = wanted and not is_indexed for no key update;
  if not found then
    return;
  end if;
  begin
    execute format(statement, 'unique');
    made := 'made';
  exception when unique_violation then
    get stacked diagnostics detail = pg_exception_detail;
    execute format(statement, '');
    made := 'repeats';
  end;
  update usage_generations set is_indexed = true, has_repeats = made = 'repeats' where generation = wanted;
end $$;

-- Every writer's first step in its transaction: the generation that it writes, which stays the current one until its end.
-- `openings` tells of each generation since the oldest one without an index where the partition stood when it was opened.
-- Two statements, so that the second sees what was committed while the first waited.
create function lock_usage_generation(writer_partition int) returns table (
  generation int, table_name text, is_indexed boolean, has_repeats boolean, openings json
) language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(4000420006);
  return query select current.generation, current.table_name, current.is_indexed, current.has_repeats, (
    select coalesce(json_agg(json_build_object('generation', g.generation, 'isIndexed', g.is_indexed,
      'epoch', coalesce(p.epoch, ''), 'streamId', coalesce(p.last_stream_id, '0-0')) order by g.generation), '[]')
    from usage_generations g
    left join usage_generation_positions p on p.generation = g.generation and p.partition_no = writer_partition
    where g.generation >= (select min(each.generation) from usage_generations each where not each.is_indexed))
  from usage_generations current where current.sealed_at is null;
end $$;

-- For writers of versions before this one, while they are replaced: they must not write a table without its index.
create or replace function lock_usage_generation() returns usage_generations language plpgsql as $$
declare
  current_generation usage_generations;
begin
  perform pg_advisory_xact_lock_shared(4000420006);
  select * into strict current_generation from usage_generations where sealed_at is null;
  if not current_generation.is_indexed then
    perform index_usage_generation(current_generation.generation);
  end if;
  return current_generation;
end $$;
