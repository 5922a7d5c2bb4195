-- What a customer is willing to pay past the included quantities, for each period; null is no cap. Whoever changes it
-- raises limits_version.
alter table accounts add column spend_cap_minor bigint check (spend_cap_minor between 0 and 999999999999);

-- Quantities that are spoken for until they are committed, released, or expire. This is the record: what Redis counts
-- as held is built from the open rows. `pending`, `committing` and `ending` say what is being done in Redis: whoever
-- finds one goes on with it. `outcome` is what an ending row becomes; a refused one is deleted. Business time, save
-- retry_at, which is the wall's: until then whoever set the state is at it.
create table usage_reservations (
  account_id text not null references accounts,
  reservation_id text collate "C" not null,
  reservation_no bigint generated always as identity unique,
  items jsonb not null,
  ttl_seconds int not null check (ttl_seconds between 1 and 3600),
  state text not null default 'pending'
    check (state in ('pending', 'held', 'committing', 'committed', 'ending', 'released', 'expired')),
  outcome text check (outcome in ('released', 'expired', 'refused')),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  committed_items jsonb,
  committed_at timestamptz,
  retry_at timestamptz not null,
  primary key (account_id, reservation_id),
  check ((state in ('ending', 'released', 'expired')) = (outcome is not null)),
  check ((state in ('committing', 'committed')) <= (committed_items is not null and committed_at is not null))
);
create index usage_reservations_open on usage_reservations (account_id)
  where state in ('pending', 'held', 'committing');
create index usage_reservations_due on usage_reservations (expires_at) where state in ('pending', 'held');
create index usage_reservations_unfinished on usage_reservations (retry_at) where state in ('committing', 'ending');
create index usage_reservations_ended on usage_reservations (expires_at)
  where state in ('committed', 'released', 'expired');
