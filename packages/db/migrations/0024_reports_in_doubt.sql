-- Reports of which nobody but a person can tell whether Stripe has them: docs/decisions/0021.

-- doubted_at is business time: since when a comparison with Stripe's summaries has left it open. Any later comparison that
-- explains the figures takes it back. decision is a person's word on the present doubt: `at-stripe` has confirmed the
-- report, `missing` has failed and released it.
alter table usage_reports
  add column doubted_at timestamptz,
  add column decision text check (decision in ('at-stripe', 'missing'));

create index usage_reports_in_doubt on usage_reports (doubted_at) where doubted_at is not null;
