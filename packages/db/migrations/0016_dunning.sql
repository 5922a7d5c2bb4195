-- Dunning in full (ADR 0024): tries that Stripe makes by itself, tries that an operator asks for, what the last step did,
-- cards that were renewed under their id, and money that went back.

alter table dunning_cases
  -- Stripe's own count of tries when it was last looked at: one more is a try that Stripe made by itself.
  add column stripe_attempt_count int not null default 0,
  -- An operator asked for a try; it is made at once, whatever the schedule says.
  add column retry_requested_at timestamptz,
  -- What the last step did. A subscription that it paused is resumed when its invoice is paid.
  add column final_step text check (final_step in ('cancel', 'pause', 'downgrade-to-free'));
alter table dunning_cases
  -- What a card can still recover: open cases, and those that paused a subscription until they are paid.
  add column is_recoverable boolean not null generated always as (
    case when settled_at is null then state <> 'gave_up' else state = 'gave_up' and coalesce(final_step, '') = 'pause' end) stored;
update dunning_cases c set stripe_attempt_count = i.attempt_count from invoices i where i.invoice_id = c.invoice_id;

-- A case that is settled can be due once more: its paused subscription is to be resumed.
drop index dunning_cases_due;
create index dunning_cases_due on dunning_cases (next_step_at) where next_step_at is not null;

alter table dunning_attempts drop constraint dunning_attempts_reason_check,
  add constraint dunning_attempts_reason_check check (reason in ('schedule', 'new_card', 'operator'));
alter table dunning_attempts drop constraint dunning_attempts_outcome_check,
  add constraint dunning_attempts_outcome_check
    check (outcome in ('paid', 'declined', 'action_required', 'processing', 'settled', 'error'));

-- When a card was seen with another expiry or number under the same id: the network, a wallet or its owner renewed it.
alter table payment_methods add column renewed_at timestamptz;

-- Charges of which money went back, and disputes, as Stripe last told them.
create table refunded_charges (
  charge_id text primary key,
  account_id text not null references accounts,
  invoice_id text,
  amount_minor bigint not null,
  refunded_minor bigint not null,
  currency text not null,
  fetch_sequence bigint not null
);
create index refunded_charges_by_invoice on refunded_charges (invoice_id);

create table disputes (
  dispute_id text primary key,
  account_id text not null references accounts,
  charge_id text not null,
  invoice_id text,
  status text not null,
  reason text not null,
  amount_minor bigint not null,
  currency text not null,
  evidence_due_at timestamptz,
  opened_at timestamptz not null,
  fetch_sequence bigint not null
);
create index disputes_by_account on disputes (account_id);
