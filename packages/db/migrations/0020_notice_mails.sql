-- Mails beside the signed webhooks: one for each notice that a person should read, where the account has an address and the
-- installation a mail server. A row is written before the mail is sent; next_attempt_at is wall time.
create table notice_mails (
  notice_id text primary key references notices,
  state text not null default 'pending' check (state in ('pending', 'sent', 'failed')),
  attempts int not null default 0,
  next_attempt_at timestamptz not null default '-infinity',
  last_error text,
  sent_at timestamptz
);
create index notice_mails_due on notice_mails (next_attempt_at) where state = 'pending';
create index notices_by_time on notices (created_at);
