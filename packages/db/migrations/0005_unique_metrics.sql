-- A metric that counts distinct values says in which property of an event its value is.
alter table metrics
  add column unique_property text,
  add check ((aggregation = 'unique') = (unique_property is not null));
