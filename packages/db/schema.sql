-- The whole schema, generated from the migrations by `npm run db:dump`. Not to be edited.

create sequence stripe_fetch_sequence as bigint;

create table account_leases (
  account_id text not null,
  holder text not null,
  leased_until timestamp with time zone not null,
  constraint account_leases_pkey PRIMARY KEY (account_id),
  constraint account_leases_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table accounts (
  account_id text not null,
  name text,
  email text,
  stripe_customer_id text,
  free_anchor_at timestamp with time zone not null,
  limits_version bigint default 1 not null,
  limits_pushed_version bigint default 0 not null,
  created_at timestamp with time zone not null,
  spend_cap_minor bigint,
  trial_started_at timestamp with time zone,
  free_plan_version integer default 1 not null,
  constraint accounts_pkey PRIMARY KEY (account_id),
  constraint accounts_stripe_customer_id_key UNIQUE (stripe_customer_id),
  constraint accounts_account_id_check CHECK ((account_id ~ '^[A-Za-z0-9_-]{1,64}$'::text)),
  constraint accounts_spend_cap_minor_check CHECK (((spend_cap_minor >= 0) AND (spend_cap_minor <= '999999999999'::bigint)))
);
CREATE INDEX accounts_limits_to_push ON public.accounts USING btree (account_id) WHERE (limits_pushed_version < limits_version);

create table api_keys (
  key_id text not null,
  key_hash bytea not null,
  display_prefix text not null,
  name text not null,
  mode text not null,
  scopes text[] not null,
  account_id text,
  created_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  constraint api_keys_pkey PRIMARY KEY (key_id),
  constraint api_keys_key_hash_key UNIQUE (key_hash),
  constraint api_keys_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint api_keys_mode_check CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint api_keys_scopes_check CHECK ((scopes <@ ARRAY['usage:write'::text, 'billing:read'::text, 'billing:write'::text, 'service'::text, 'operator'::text]))
);

create table audit_log (
  audit_id bigint generated always as identity not null,
  actor text not null,
  action text not null,
  target text not null,
  detail jsonb default '{}'::jsonb not null,
  happened_at timestamp with time zone not null,
  constraint audit_log_pkey PRIMARY KEY (audit_id)
);

create table checkout_reservations (
  account_id text not null,
  plan_id text not null,
  plan_version integer not null,
  success_url text not null,
  cancel_url text not null,
  idempotency_key text not null,
  created_at timestamp with time zone not null,
  trial_days integer default 0 not null,
  constraint checkout_reservations_pkey PRIMARY KEY (account_id),
  constraint checkout_reservations_idempotency_key_key UNIQUE (idempotency_key),
  constraint checkout_reservations_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint checkout_reservations_plan_id_plan_version_fkey FOREIGN KEY (plan_id, plan_version) REFERENCES subscription_plans(plan_id, version)
);

create table checkout_sessions (
  session_id text not null,
  account_id text not null,
  plan_id text not null,
  status text not null,
  url text,
  success_url text not null,
  cancel_url text not null,
  stripe_subscription_id text,
  expires_at timestamp with time zone not null,
  created_at timestamp with time zone not null,
  constraint checkout_sessions_pkey PRIMARY KEY (session_id),
  constraint checkout_sessions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint checkout_sessions_status_check CHECK ((status = ANY (ARRAY['open'::text, 'complete'::text, 'expired'::text])))
);
CREATE UNIQUE INDEX checkout_sessions_one_open ON public.checkout_sessions USING btree (account_id) WHERE (status = 'open'::text);

create table disputes (
  dispute_id text not null,
  account_id text not null,
  charge_id text not null,
  invoice_id text,
  status text not null,
  reason text not null,
  amount_minor bigint not null,
  currency text not null,
  evidence_due_at timestamp with time zone,
  opened_at timestamp with time zone not null,
  fetch_sequence bigint not null,
  constraint disputes_pkey PRIMARY KEY (dispute_id),
  constraint disputes_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX disputes_by_account ON public.disputes USING btree (account_id);

create table double_checkouts (
  stripe_subscription_id text not null,
  kept_subscription_id text not null,
  account_id text not null,
  found_at timestamp with time zone not null,
  refunded_amount_minor bigint,
  currency text,
  settled_at timestamp with time zone,
  constraint double_checkouts_pkey PRIMARY KEY (stripe_subscription_id),
  constraint double_checkouts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint double_checkouts_kept_subscription_id_fkey FOREIGN KEY (kept_subscription_id) REFERENCES user_subscriptions(stripe_subscription_id),
  constraint double_checkouts_stripe_subscription_id_fkey FOREIGN KEY (stripe_subscription_id) REFERENCES user_subscriptions(stripe_subscription_id)
);
CREATE INDEX double_checkouts_open ON public.double_checkouts USING btree (account_id) WHERE (settled_at IS NULL);

create table dunning_attempts (
  invoice_id text not null,
  attempt integer not null,
  idempotency_key text not null,
  reason text not null,
  payment_method_id text,
  outcome text,
  decline_code text,
  started_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  constraint dunning_attempts_pkey PRIMARY KEY (invoice_id, attempt),
  constraint dunning_attempts_idempotency_key_key UNIQUE (idempotency_key),
  constraint dunning_attempts_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES dunning_cases(invoice_id),
  constraint dunning_attempts_outcome_check CHECK ((outcome = ANY (ARRAY['paid'::text, 'declined'::text, 'action_required'::text, 'processing'::text, 'settled'::text, 'error'::text]))),
  constraint dunning_attempts_reason_check CHECK ((reason = ANY (ARRAY['schedule'::text, 'new_card'::text, 'operator'::text])))
);

create table dunning_cases (
  invoice_id text not null,
  account_id text not null,
  stripe_subscription_id text,
  state text not null,
  mode text not null,
  attempts integer default 0 not null,
  decline_code text,
  failed_payment_method_id text,
  new_payment_method_id text,
  seen_payment_method_ids text[] not null,
  first_failed_at timestamp with time zone not null,
  last_tried_at timestamp with time zone not null,
  taken_over_at timestamp with time zone,
  next_step_at timestamp with time zone,
  next_try_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  settled_at timestamp with time zone,
  stripe_attempt_count integer default 0 not null,
  retry_requested_at timestamp with time zone,
  final_step text,
  is_recoverable boolean generated always as (
CASE
    WHEN (settled_at IS NULL) THEN (state <> 'gave_up'::text)
    ELSE ((state = 'gave_up'::text) AND (COALESCE(final_step, ''::text) = 'pause'::text))
END) stored not null,
  constraint dunning_cases_pkey PRIMARY KEY (invoice_id),
  constraint dunning_cases_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint dunning_cases_invoice_id_fkey FOREIGN KEY (invoice_id) REFERENCES invoices(invoice_id),
  constraint dunning_cases_final_step_check CHECK ((final_step = ANY (ARRAY['cancel'::text, 'pause'::text, 'downgrade-to-free'::text]))),
  constraint dunning_cases_mode_check CHECK ((mode = ANY (ARRAY['worker'::text, 'stripe'::text]))),
  constraint dunning_cases_state_check CHECK ((state = ANY (ARRAY['retrying'::text, 'waiting_for_card'::text, 'action_required'::text, 'recovered'::text, 'gave_up'::text, 'stopped'::text])))
);
CREATE INDEX dunning_cases_by_account ON public.dunning_cases USING btree (account_id) WHERE (settled_at IS NULL);
CREATE INDEX dunning_cases_due ON public.dunning_cases USING btree (next_step_at) WHERE (next_step_at IS NOT NULL);

create table features (
  plan_id text not null,
  plan_version integer not null,
  feature text not null,
  name text not null,
  "position" integer not null,
  constraint features_pkey PRIMARY KEY (plan_id, plan_version, feature),
  constraint features_plan_id_plan_version_fkey FOREIGN KEY (plan_id, plan_version) REFERENCES subscription_plans(plan_id, version)
);

create table installation (
  is_only boolean default true not null,
  mode text not null,
  stripe_account_id text,
  usage_partitions integer not null,
  created_at timestamp with time zone not null,
  installation_id text default (gen_random_uuid())::text not null,
  stripe_portal_configuration_id text,
  constraint installation_pkey PRIMARY KEY (is_only),
  constraint installation_is_only_check CHECK (is_only),
  constraint installation_mode_check CHECK ((mode = ANY (ARRAY['simulator'::text, 'test'::text, 'live'::text]))),
  constraint installation_usage_partitions_check CHECK (((usage_partitions >= 1) AND (usage_partitions <= 1024)))
);

create table invoices (
  invoice_id text not null,
  account_id text not null,
  stripe_subscription_id text,
  number text,
  status text not null,
  billing_reason text,
  total_minor bigint not null,
  amount_due_minor bigint not null,
  amount_paid_minor bigint not null,
  amount_remaining_minor bigint not null,
  currency text not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  hosted_url text,
  pdf_url text,
  lines jsonb not null,
  created_at timestamp with time zone not null,
  finalized_at timestamp with time zone,
  paid_at timestamp with time zone,
  next_payment_attempt_at timestamp with time zone,
  automatically_finalizes_at timestamp with time zone,
  payment_intent_id text,
  attempt_count integer default 0 not null,
  auto_advance boolean default false not null,
  decline_code text,
  failed_payment_method_id text,
  is_action_required boolean default false not null,
  fetch_sequence bigint not null,
  constraint invoices_pkey PRIMARY KEY (invoice_id),
  constraint invoices_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX invoices_by_account ON public.invoices USING btree (account_id, created_at DESC, invoice_id DESC);

create table metrics (
  metric text not null,
  name text not null,
  aggregation text not null,
  unit text not null,
  group_by_keys text[] default '{}'::text[] not null,
  stripe_meter_id text,
  stripe_meter_event_name text,
  created_at timestamp with time zone not null,
  unique_property text,
  late_policy text default 'carry-as-adjustment'::text not null,
  version integer default 1 not null,
  report_mode text default 'sum'::text not null,
  constraint metrics_pkey PRIMARY KEY (metric),
  constraint metrics_aggregation_check CHECK ((aggregation = ANY (ARRAY['sum'::text, 'count'::text, 'max'::text, 'last'::text, 'unique'::text]))),
  constraint metrics_check CHECK (((aggregation = 'unique'::text) = (unique_property IS NOT NULL))),
  constraint metrics_late_policy_check CHECK ((late_policy = ANY (ARRAY['bill-in-period-if-draft'::text, 'carry-as-adjustment'::text, 'reject'::text, 'operator-review'::text]))),
  constraint metrics_metric_check CHECK ((metric ~ '^[a-z][a-z0-9_]{0,63}$'::text)),
  constraint metrics_report_mode_check CHECK ((report_mode = ANY (ARRAY['sum'::text, 'last'::text])))
);

create table mirror_differences (
  object_id text not null,
  object_type text not null,
  account_id text,
  difference text not null,
  looks integer default 1 not null,
  since timestamp with time zone not null,
  seen_at timestamp with time zone not null,
  constraint mirror_differences_pkey PRIMARY KEY (object_id)
);

create table new_cards (
  cause_id text not null,
  account_id text not null,
  payment_method_id text not null,
  chosen_at timestamp with time zone not null,
  noted_order bigint generated always as identity not null,
  next_try_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  adopted_at timestamp with time zone,
  constraint new_cards_pkey PRIMARY KEY (cause_id),
  constraint new_cards_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX new_cards_due ON public.new_cards USING btree (next_try_at) WHERE (adopted_at IS NULL);

create table notice_deliveries (
  notice_id text not null,
  endpoint_id text not null,
  state text default 'pending'::text not null,
  attempts integer default 0 not null,
  next_attempt_at timestamp with time zone not null,
  last_status integer,
  last_error text,
  delivered_at timestamp with time zone,
  constraint notice_deliveries_pkey PRIMARY KEY (notice_id, endpoint_id),
  constraint notice_deliveries_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES notification_endpoints(endpoint_id) ON DELETE CASCADE,
  constraint notice_deliveries_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notices(notice_id),
  constraint notice_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])))
);
CREATE INDEX notice_deliveries_due ON public.notice_deliveries USING btree (next_attempt_at) WHERE (state = 'pending'::text);
CREATE INDEX notice_deliveries_pending ON public.notice_deliveries USING btree (endpoint_id) WHERE (state = 'pending'::text);

create table notice_mails (
  notice_id text not null,
  state text default 'pending'::text not null,
  attempts integer default 0 not null,
  next_attempt_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  last_error text,
  sent_at timestamp with time zone,
  constraint notice_mails_pkey PRIMARY KEY (notice_id),
  constraint notice_mails_notice_id_fkey FOREIGN KEY (notice_id) REFERENCES notices(notice_id),
  constraint notice_mails_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sent'::text, 'failed'::text])))
);
CREATE INDEX notice_mails_due ON public.notice_mails USING btree (next_attempt_at) WHERE (state = 'pending'::text);

create table notices (
  notice_id text not null,
  notice_no bigint generated always as identity not null,
  account_id text not null,
  type text not null,
  dedupe_key text not null,
  data jsonb not null,
  subject text generated always as (COALESCE((data ->> 'invoiceId'::text), (data ->> 'subscriptionId'::text), account_id)) stored not null,
  created_at timestamp with time zone not null,
  constraint notices_pkey PRIMARY KEY (notice_id),
  constraint notices_dedupe_key_key UNIQUE (dedupe_key),
  constraint notices_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX notices_by_time ON public.notices USING btree (created_at);

create table notification_endpoints (
  endpoint_id text not null,
  account_id text not null,
  url text not null,
  secret text not null,
  created_at timestamp with time zone not null,
  constraint notification_endpoints_pkey PRIMARY KEY (endpoint_id),
  constraint notification_endpoints_account_id_url_key UNIQUE (account_id, url),
  constraint notification_endpoints_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table payment_methods (
  payment_method_id text not null,
  account_id text not null,
  brand text,
  last4 text,
  exp_month integer,
  exp_year integer,
  is_default boolean default false not null,
  fetch_sequence bigint not null,
  renewed_at timestamp with time zone,
  constraint payment_methods_pkey PRIMARY KEY (payment_method_id),
  constraint payment_methods_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX payment_methods_by_account ON public.payment_methods USING btree (account_id);

create table period_closes (
  stripe_subscription_id text not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  account_id text not null,
  ending text not null,
  invoice_id text,
  state text not null,
  drain_positions jsonb,
  mismatch text,
  tries integer default 0 not null,
  due_at timestamp with time zone not null,
  next_try_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  deadline_at timestamp with time zone not null,
  claimed_at timestamp with time zone not null,
  closed_at timestamp with time zone,
  constraint period_closes_pkey PRIMARY KEY (stripe_subscription_id, period_start),
  constraint period_closes_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint period_closes_check CHECK (((ending = 'finalize'::text) = (invoice_id IS NOT NULL))),
  constraint period_closes_ending_check CHECK ((ending = ANY (ARRAY['finalize'::text, 'cancel'::text]))),
  constraint period_closes_state_check CHECK ((state = ANY (ARRAY['claimed'::text, 'draining'::text, 'reporting'::text, 'verifying'::text, 'finalizing'::text, 'closed'::text])))
);
CREATE INDEX period_closes_due ON public.period_closes USING btree (due_at) WHERE (closed_at IS NULL);

create table plan_changes (
  change_id text not null,
  account_id text not null,
  stripe_subscription_id text not null,
  wish text not null,
  wanted_plan_id text,
  kind text,
  state text default 'requested'::text not null,
  from_plan_id text,
  from_plan_version integer,
  to_plan_id text,
  to_plan_version integer,
  dropped_plan_id text,
  dropped_plan_version integer,
  effective_at timestamp with time zone,
  is_cut boolean default false not null,
  drain_positions jsonb,
  tries integer default 0 not null,
  next_try_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  give_up_at timestamp with time zone not null,
  sent_at timestamp with time zone,
  refusal jsonb,
  requested_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  told_at timestamp with time zone,
  wanted_plan_version integer,
  constraint plan_changes_pkey PRIMARY KEY (change_id),
  constraint plan_changes_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint plan_changes_dropped_plan_id_dropped_plan_version_fkey FOREIGN KEY (dropped_plan_id, dropped_plan_version) REFERENCES subscription_plans(plan_id, version),
  constraint plan_changes_from_plan_id_from_plan_version_fkey FOREIGN KEY (from_plan_id, from_plan_version) REFERENCES subscription_plans(plan_id, version),
  constraint plan_changes_to_plan_id_to_plan_version_fkey FOREIGN KEY (to_plan_id, to_plan_version) REFERENCES subscription_plans(plan_id, version),
  constraint plan_changes_check CHECK ((((wish = ANY (ARRAY['change'::text, 'migrate'::text, 'migrate-now'::text])) = (wanted_plan_id IS NOT NULL)) AND ((wish = ANY (ARRAY['migrate'::text, 'migrate-now'::text])) = (wanted_plan_version IS NOT NULL)))),
  constraint plan_changes_check1 CHECK (((state = 'finished'::text) = (finished_at IS NOT NULL))),
  constraint plan_changes_check2 CHECK (((NOT is_cut) OR ((effective_at IS NOT NULL) AND (to_plan_id IS NOT NULL)))),
  constraint plan_changes_kind_check CHECK ((kind = ANY (ARRAY['upgrade'::text, 'downgrade'::text, 'cancel-at-end'::text, 'take-back'::text, 'resume'::text, 'cancel-now'::text, 'migrate'::text]))),
  constraint plan_changes_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'draining'::text, 'reporting'::text, 'verifying'::text, 'changing'::text, 'undoing'::text, 'ending'::text, 'closing'::text, 'settling'::text, 'syncing'::text, 'finished'::text]))),
  constraint plan_changes_wish_check CHECK ((wish = ANY (ARRAY['change'::text, 'cancel'::text, 'cancel-now'::text, 'resume'::text, 'migrate'::text, 'migrate-now'::text])))
);
CREATE INDEX plan_changes_by_subscription ON public.plan_changes USING btree (stripe_subscription_id, requested_at);
CREATE UNIQUE INDEX plan_changes_one_open ON public.plan_changes USING btree (account_id) WHERE (finished_at IS NULL);
CREATE INDEX plan_changes_open_migrations ON public.plan_changes USING btree (wish) WHERE ((finished_at IS NULL) AND (wanted_plan_version IS NOT NULL));

create table plan_limits (
  plan_id text not null,
  plan_version integer not null,
  metric text not null,
  included_quantity bigint,
  overage_policy text not null,
  overage_amount_minor bigint,
  overage_per_units bigint,
  stripe_price_id text,
  constraint plan_limits_pkey PRIMARY KEY (plan_id, plan_version, metric),
  constraint plan_limits_stripe_price_id_key UNIQUE (stripe_price_id),
  constraint plan_limits_metric_fkey FOREIGN KEY (metric) REFERENCES metrics(metric),
  constraint plan_limits_plan_id_plan_version_fkey FOREIGN KEY (plan_id, plan_version) REFERENCES subscription_plans(plan_id, version),
  constraint plan_limits_check CHECK (((overage_policy = 'bill'::text) = ((overage_amount_minor IS NOT NULL) AND (overage_per_units IS NOT NULL)))),
  constraint plan_limits_check1 CHECK (((overage_policy = 'unlimited'::text) = (included_quantity IS NULL))),
  constraint plan_limits_included_quantity_check CHECK ((included_quantity >= 0)),
  constraint plan_limits_overage_policy_check CHECK ((overage_policy = ANY (ARRAY['refuse'::text, 'bill'::text, 'unlimited'::text])))
);

create table plan_version_moves (
  account_id text not null,
  plan_id text not null,
  from_version integer not null,
  to_version integer not null,
  timing text not null,
  asked_at timestamp with time zone not null,
  change_id text,
  tries integer default 0 not null,
  next_try_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  refusal jsonb,
  effective_at timestamp with time zone,
  settled_at timestamp with time zone,
  constraint plan_version_moves_pkey PRIMARY KEY (account_id, plan_id, from_version),
  constraint plan_version_moves_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint plan_version_moves_change_id_fkey FOREIGN KEY (change_id) REFERENCES plan_changes(change_id),
  constraint plan_version_moves_plan_id_from_version_fkey FOREIGN KEY (plan_id, from_version) REFERENCES subscription_plans(plan_id, version),
  constraint plan_version_moves_plan_id_to_version_fkey FOREIGN KEY (plan_id, to_version) REFERENCES subscription_plans(plan_id, version),
  constraint plan_version_moves_timing_check CHECK ((timing = ANY (ARRAY['period-end'::text, 'now'::text])))
);
CREATE INDEX plan_version_moves_due ON public.plan_version_moves USING btree (next_try_at) WHERE (settled_at IS NULL);

create table reconciliation_walks (
  walk text not null,
  "position" jsonb default '{}'::jsonb not null,
  began_at timestamp with time zone,
  completed_at timestamp with time zone,
  next_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  constraint reconciliation_walks_pkey PRIMARY KEY (walk)
);

create table reconciliations (
  reconciliation_id bigint generated always as identity not null,
  account_id text not null,
  metric text not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  state text not null,
  figures jsonb not null,
  stored jsonb,
  differences jsonb default '[]'::jsonb not null,
  largest bigint default 0 not null,
  since timestamp with time zone not null,
  compared_at timestamp with time zone not null,
  look_at timestamp with time zone,
  repaired_at timestamp with time zone,
  priority smallint generated always as (
CASE state
    WHEN 'drifted'::text THEN 0
    WHEN 'in_flight'::text THEN 1
    WHEN 'repaired'::text THEN 2
    ELSE 3
END) stored not null,
  constraint reconciliations_pkey PRIMARY KEY (reconciliation_id),
  constraint reconciliations_account_id_metric_period_start_key UNIQUE (account_id, metric, period_start),
  constraint reconciliations_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint reconciliations_state_check CHECK ((state = ANY (ARRAY['agrees'::text, 'in_flight'::text, 'drifted'::text, 'repaired'::text])))
);
CREATE INDEX reconciliations_by_period ON public.reconciliations USING btree (period_end, reconciliation_id);
CREATE INDEX reconciliations_due ON public.reconciliations USING btree (look_at) WHERE (look_at IS NOT NULL);
CREATE INDEX reconciliations_listed ON public.reconciliations USING btree (priority, reconciliation_id DESC);

create table refunded_charges (
  charge_id text not null,
  account_id text not null,
  invoice_id text,
  amount_minor bigint not null,
  refunded_minor bigint not null,
  currency text not null,
  fetch_sequence bigint not null,
  constraint refunded_charges_pkey PRIMARY KEY (charge_id),
  constraint refunded_charges_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX refunded_charges_by_invoice ON public.refunded_charges USING btree (invoice_id);

create table schema_migrations (
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone default now() not null,
  constraint schema_migrations_pkey PRIMARY KEY (name)
);

create table signing_keys (
  key_id text not null,
  public_key text not null,
  private_key text not null,
  is_current boolean default true not null,
  created_at timestamp with time zone not null,
  constraint signing_keys_pkey PRIMARY KEY (key_id)
);
CREATE UNIQUE INDEX signing_keys_one_current ON public.signing_keys USING btree ((true)) WHERE is_current;

create table stripe_customer_leases (
  stripe_customer_id text not null,
  holder text not null,
  fence bigint not null,
  leased_until timestamp with time zone not null,
  constraint stripe_customer_leases_pkey PRIMARY KEY (stripe_customer_id)
);

create table stripe_event_sweeps (
  is_only boolean default true not null,
  swept_until timestamp with time zone not null,
  swept_at timestamp with time zone not null,
  constraint stripe_event_sweeps_pkey PRIMARY KEY (is_only),
  constraint stripe_event_sweeps_is_only_check CHECK (is_only)
);

create table stripe_events (
  event_id text not null,
  type text not null,
  api_version text,
  object_id text,
  outcome text not null,
  reason text,
  recorded_at timestamp with time zone not null,
  constraint stripe_events_pkey PRIMARY KEY (event_id),
  constraint stripe_events_outcome_check CHECK ((outcome = ANY (ARRAY['applied'::text, 'ignored'::text])))
);
CREATE INDEX stripe_events_by_object ON public.stripe_events USING btree (object_id);

create table stripe_objects (
  object_id text not null,
  object_type text not null,
  stripe_customer_id text,
  account_id text,
  generation bigint default 1 not null,
  synced_generation bigint default 0 not null,
  fetch_sequence bigint default 0 not null,
  is_deleted boolean default false not null,
  failure text,
  marked_at timestamp with time zone not null,
  synced_at timestamp with time zone,
  constraint stripe_objects_pkey PRIMARY KEY (object_id)
);
CREATE INDEX stripe_objects_dirty ON public.stripe_objects USING btree (marked_at) WHERE (synced_generation < generation);

create table subscription_plans (
  plan_id text not null,
  version integer not null,
  name text not null,
  rank integer not null,
  price_amount_minor bigint not null,
  currency text not null,
  billing_interval text not null,
  retention_days integer not null,
  support text not null,
  is_current boolean default true not null,
  stripe_product_id text,
  stripe_price_id text,
  created_at timestamp with time zone not null,
  trial_days integer default 0 not null,
  constraint subscription_plans_pkey PRIMARY KEY (plan_id, version),
  constraint subscription_plans_stripe_price_id_key UNIQUE (stripe_price_id),
  constraint subscription_plans_billing_interval_check CHECK ((billing_interval = ANY (ARRAY['month'::text, 'year'::text]))),
  constraint subscription_plans_currency_check CHECK ((currency ~ '^[a-z]{3}$'::text)),
  constraint subscription_plans_price_amount_minor_check CHECK ((price_amount_minor >= 0)),
  constraint subscription_plans_trial_days_check CHECK (((trial_days >= 0) AND (trial_days <= 730)))
);
CREATE UNIQUE INDEX subscription_plans_one_current ON public.subscription_plans USING btree (plan_id) WHERE is_current;

create table usage_adjustment_checks (
  account_id text not null,
  period_start timestamp with time zone not null,
  marked_at timestamp with time zone not null,
  next_try_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  constraint usage_adjustment_checks_pkey PRIMARY KEY (account_id, period_start),
  constraint usage_adjustment_checks_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX usage_adjustment_checks_due ON public.usage_adjustment_checks USING btree (marked_at);

create table usage_adjustments (
  adjustment_id text not null,
  account_id text not null,
  metric text not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  window_no integer not null,
  from_quantity bigint not null,
  to_quantity bigint not null,
  amount_minor bigint not null,
  currency text not null,
  reason text not null,
  stripe_subscription_id text not null,
  stripe_customer_id text not null,
  state text not null,
  billed_on text,
  stripe_invoice_item_id text,
  stripe_invoice_id text,
  attempts integer default 0 not null,
  next_attempt_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  last_error text,
  created_at timestamp with time zone not null,
  first_sent_at timestamp with time zone,
  sent_at timestamp with time zone,
  invoiced_at timestamp with time zone,
  from_carried bigint default 0 not null,
  to_carried bigint default 0 not null,
  constraint usage_adjustments_pkey PRIMARY KEY (adjustment_id),
  constraint usage_adjustments_account_id_metric_period_start_window_no_key UNIQUE (account_id, metric, period_start, window_no),
  constraint usage_adjustments_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint usage_adjustments_metric_fkey FOREIGN KEY (metric) REFERENCES metrics(metric),
  constraint usage_adjustments_billed_on_check CHECK ((billed_on = ANY (ARRAY['subscription'::text, 'own-invoice'::text]))),
  constraint usage_adjustments_check CHECK (((from_quantity <> to_quantity) OR (from_carried <> to_carried))),
  constraint usage_adjustments_check1 CHECK ((((state = 'settled'::text) = (amount_minor = 0)) OR (state = ANY (ARRAY['review'::text, 'waived'::text])))),
  constraint usage_adjustments_check2 CHECK (((state <> ALL (ARRAY['sending'::text, 'sent'::text, 'invoiced'::text])) OR (billed_on IS NOT NULL))),
  constraint usage_adjustments_reason_check CHECK ((reason = ANY (ARRAY['late'::text, 'remainder'::text, 'allowance'::text]))),
  constraint usage_adjustments_state_check CHECK ((state = ANY (ARRAY['settled'::text, 'pending'::text, 'sending'::text, 'sent'::text, 'invoiced'::text, 'review'::text, 'waived'::text])))
);
CREATE INDEX usage_adjustments_open ON public.usage_adjustments USING btree (next_attempt_at) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text, 'sent'::text]));

create table usage_aggregators (
  aggregator text not null,
  alive_until timestamp with time zone not null,
  constraint usage_aggregators_pkey PRIMARY KEY (aggregator)
);

create table usage_alerts (
  account_id text not null,
  metric text not null,
  thresholds text[] not null,
  constraint usage_alerts_pkey PRIMARY KEY (account_id, metric),
  constraint usage_alerts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint usage_alerts_metric_fkey FOREIGN KEY (metric) REFERENCES metrics(metric)
);

create table usage_alerts_fired (
  account_id text not null,
  metric text not null,
  period_start timestamp with time zone not null,
  threshold text not null,
  quantity bigint not null,
  fired_at timestamp with time zone not null,
  constraint usage_alerts_fired_pkey PRIMARY KEY (account_id, metric, period_start, threshold),
  constraint usage_alerts_fired_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);

create table usage_corrections (
  correction_id bigint generated always as identity not null,
  partition_no integer not null,
  epoch text not null,
  stream_id text not null,
  account_id text not null,
  is_rebuild boolean not null,
  deltas jsonb not null,
  constraint usage_corrections_pkey PRIMARY KEY (correction_id),
  constraint usage_corrections_partition_no_fkey FOREIGN KEY (partition_no) REFERENCES usage_stream_positions(partition_no)
);
CREATE INDEX usage_corrections_by_partition ON public.usage_corrections USING btree (partition_no, correction_id);

create table usage_days (
  account_id text not null,
  metric text not null,
  day_at timestamp with time zone not null,
  quantity bigint not null,
  event_count bigint not null,
  last_occurred_at timestamp with time zone not null,
  constraint usage_days_pkey PRIMARY KEY (account_id, metric, day_at)
);

create table usage_digests (
  account_id text not null,
  metric text not null,
  period_start timestamp with time zone not null,
  version integer not null,
  digest text not null,
  event_count bigint not null,
  quantity bigint not null,
  total_event_count bigint not null,
  computed_at timestamp with time zone not null,
  constraint usage_digests_pkey PRIMARY KEY (account_id, metric, period_start, version),
  constraint usage_digests_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint usage_digests_digest_check CHECK ((digest ~ '^[0-9a-f]{64}$'::text))
);

create table usage_generation_positions (
  generation integer not null,
  partition_no integer not null,
  epoch text not null,
  last_stream_id text not null,
  constraint usage_generation_positions_pkey PRIMARY KEY (generation, partition_no),
  constraint usage_generation_positions_generation_fkey FOREIGN KEY (generation) REFERENCES usage_generations(generation) ON DELETE CASCADE
);

create table usage_generations (
  generation integer not null,
  table_name text generated always as (('usage_records_'::text || (generation)::text)) stored,
  opened_at timestamp with time zone,
  sealed_at timestamp with time zone,
  newest_received_at timestamp with time zone,
  made_at timestamp with time zone default clock_timestamp() not null,
  is_indexed boolean default false not null,
  has_repeats boolean default false not null,
  index_asked_at timestamp with time zone,
  constraint usage_generations_pkey PRIMARY KEY (generation),
  constraint usage_generations_generation_check CHECK ((generation > 0))
);
CREATE UNIQUE INDEX usage_generations_current ON public.usage_generations USING btree ((true)) WHERE (sealed_at IS NULL);

create table usage_groups (
  account_id text not null,
  metric text not null,
  key text collate "C" not null,
  window_minutes integer not null,
  window_at timestamp with time zone not null,
  value text collate "C" not null,
  quantity bigint not null,
  event_count bigint not null,
  last_occurred_at timestamp with time zone not null,
  constraint usage_groups_pkey PRIMARY KEY (account_id, metric, key, window_minutes, window_at, value),
  constraint usage_groups_window_minutes_check CHECK ((window_minutes = ANY (ARRAY[1, 60, 1440])))
);
CREATE INDEX usage_groups_by_age ON public.usage_groups USING btree (window_minutes, window_at);

create table usage_hours (
  account_id text not null,
  metric text not null,
  hour_at timestamp with time zone not null,
  quantity bigint not null,
  event_count bigint not null,
  last_occurred_at timestamp with time zone not null,
  constraint usage_hours_pkey PRIMARY KEY (account_id, metric, hour_at)
);
CREATE INDEX usage_hours_by_hour ON public.usage_hours USING btree (hour_at);

create table usage_id_filters (
  generation integer not null,
  partition_no integer not null,
  chunk_no integer not null,
  words bytea not null,
  constraint usage_id_filters_pkey PRIMARY KEY (generation, partition_no, chunk_no),
  constraint usage_id_filters_generation_fkey FOREIGN KEY (generation) REFERENCES usage_generations(generation) ON DELETE CASCADE
);

create table usage_minutes (
  account_id text not null,
  metric text not null,
  minute_at timestamp with time zone not null,
  quantity bigint not null,
  event_count bigint not null,
  last_occurred_at timestamp with time zone not null,
  constraint usage_minutes_pkey PRIMARY KEY (account_id, metric, minute_at)
) with (fillfactor=70);
CREATE INDEX usage_minutes_by_minute ON public.usage_minutes USING btree (minute_at);

create table usage_periods (
  account_id text not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  plan_id text not null,
  plan_version integer not null,
  stripe_subscription_id text,
  closed_at timestamp with time zone,
  billing_start timestamp with time zone,
  constraint usage_periods_pkey PRIMARY KEY (account_id, period_start),
  constraint usage_periods_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint usage_periods_plan_id_plan_version_fkey FOREIGN KEY (plan_id, plan_version) REFERENCES subscription_plans(plan_id, version),
  constraint usage_periods_check CHECK ((period_start < period_end))
);
CREATE INDEX usage_periods_closed ON public.usage_periods USING btree (closed_at, account_id, period_start) WHERE (closed_at IS NOT NULL);
CREATE INDEX usage_periods_due ON public.usage_periods USING btree (period_end) WHERE (closed_at IS NULL);

create table usage_quarantine (
  quarantine_id bigint generated always as identity not null,
  account_id text,
  event_id text,
  metric text,
  payload jsonb not null,
  reason text not null,
  detail text not null,
  received_at timestamp with time zone,
  quarantined_at timestamp with time zone not null,
  replayed_at timestamp with time zone,
  replaying_at timestamp with time zone,
  discarded_at timestamp with time zone,
  constraint usage_quarantine_pkey PRIMARY KEY (quarantine_id),
  constraint usage_quarantine_check CHECK (((replayed_at IS NULL) OR (discarded_at IS NULL)))
);
CREATE INDEX usage_quarantine_by_event ON public.usage_quarantine USING btree (account_id, event_id);
CREATE INDEX usage_quarantine_open ON public.usage_quarantine USING btree (quarantined_at, quarantine_id) WHERE ((replayed_at IS NULL) AND (discarded_at IS NULL));

create table usage_readings (
  account_id text not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  spans jsonb not null,
  before jsonb not null,
  sums jsonb default '{}'::jsonb not null,
  after_id text collate "C" default ''::text not null,
  began_at timestamp with time zone not null,
  step_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  constraint usage_readings_pkey PRIMARY KEY (account_id, period_start),
  constraint usage_readings_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id)
);
CREATE INDEX usage_readings_due ON public.usage_readings USING btree (step_at);

create table usage_records (
  quantity bigint not null,
  occurred_at timestamp with time zone not null,
  received_at timestamp with time zone not null,
  generation integer not null,
  account_id text collate "C" not null,
  metric text not null,
  event_id text collate "C" not null,
  properties jsonb
) partition by LIST (generation);

create table usage_reports (
  identifier text not null,
  account_id text not null,
  metric text not null,
  period_start timestamp with time zone not null,
  window_no integer not null,
  from_quantity bigint not null,
  to_quantity bigint not null,
  stripe_customer_id text not null,
  meter_event_name text not null,
  event_at timestamp with time zone not null,
  state text default 'pending'::text not null,
  attempts integer default 0 not null,
  next_attempt_at timestamp with time zone default '-infinity'::timestamp with time zone not null,
  last_error text,
  created_at timestamp with time zone not null,
  first_sent_at timestamp with time zone,
  sent_at timestamp with time zone,
  report_mode text default 'sum'::text not null,
  resend_no integer default 0 not null,
  compare_at timestamp with time zone,
  compare_tries integer default 0 not null,
  confirmed_at timestamp with time zone,
  released_at timestamp with time zone,
  doubted_at timestamp with time zone,
  decision text,
  constraint usage_reports_pkey PRIMARY KEY (identifier),
  constraint usage_reports_one_of_each_window UNIQUE (account_id, metric, period_start, window_no, resend_no),
  constraint usage_reports_check CHECK ((from_quantity <> to_quantity)),
  constraint usage_reports_decision_check CHECK ((decision = ANY (ARRAY['at-stripe'::text, 'missing'::text]))),
  constraint usage_reports_report_mode_check CHECK ((report_mode = ANY (ARRAY['sum'::text, 'last'::text]))),
  constraint usage_reports_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sending'::text, 'sent'::text, 'confirmed'::text, 'failed'::text, 'replaced'::text])))
);
CREATE INDEX usage_reports_by_event ON public.usage_reports USING btree (stripe_customer_id, meter_event_name, event_at);
CREATE INDEX usage_reports_due ON public.usage_reports USING btree (next_attempt_at) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text]));
CREATE INDEX usage_reports_failed ON public.usage_reports USING btree (released_at) WHERE (state = 'failed'::text);
CREATE INDEX usage_reports_in_doubt ON public.usage_reports USING btree (doubted_at) WHERE (doubted_at IS NOT NULL);
CREATE INDEX usage_reports_lane ON public.usage_reports USING btree (stripe_customer_id, meter_event_name, period_start, window_no) WHERE (state = ANY (ARRAY['pending'::text, 'sending'::text]));
CREATE UNIQUE INDEX usage_reports_one_call ON public.usage_reports USING btree (stripe_customer_id, meter_event_name) WHERE (state = 'sending'::text);
CREATE INDEX usage_reports_to_compare ON public.usage_reports USING btree (compare_at) WHERE (state = 'sent'::text);

create table usage_reservations (
  account_id text not null,
  reservation_id text collate "C" not null,
  reservation_no bigint generated always as identity not null,
  items jsonb not null,
  ttl_seconds integer not null,
  state text default 'pending'::text not null,
  outcome text,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  committed_items jsonb,
  committed_at timestamp with time zone,
  retry_at timestamp with time zone not null,
  constraint usage_reservations_pkey PRIMARY KEY (account_id, reservation_id),
  constraint usage_reservations_reservation_no_key UNIQUE (reservation_no),
  constraint usage_reservations_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint usage_reservations_check CHECK (((state = ANY (ARRAY['ending'::text, 'released'::text, 'expired'::text])) = (outcome IS NOT NULL))),
  constraint usage_reservations_check1 CHECK (((state = ANY (ARRAY['committing'::text, 'committed'::text])) <= ((committed_items IS NOT NULL) AND (committed_at IS NOT NULL)))),
  constraint usage_reservations_outcome_check CHECK ((outcome = ANY (ARRAY['released'::text, 'expired'::text, 'refused'::text]))),
  constraint usage_reservations_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'held'::text, 'committing'::text, 'committed'::text, 'ending'::text, 'released'::text, 'expired'::text]))),
  constraint usage_reservations_ttl_seconds_check CHECK (((ttl_seconds >= 1) AND (ttl_seconds <= 3600)))
);
CREATE INDEX usage_reservations_due ON public.usage_reservations USING btree (expires_at) WHERE (state = ANY (ARRAY['pending'::text, 'held'::text]));
CREATE INDEX usage_reservations_ended ON public.usage_reservations USING btree (expires_at) WHERE (state = ANY (ARRAY['committed'::text, 'released'::text, 'expired'::text]));
CREATE INDEX usage_reservations_open ON public.usage_reservations USING btree (account_id) WHERE (state = ANY (ARRAY['pending'::text, 'held'::text, 'committing'::text]));
CREATE INDEX usage_reservations_unfinished ON public.usage_reservations USING btree (retry_at) WHERE (state = ANY (ARRAY['committing'::text, 'ending'::text]));

create table usage_stream_positions (
  partition_no integer not null,
  epoch text default ''::text not null,
  last_stream_id text default '0-0'::text not null,
  fence bigint default 0 not null,
  owner text,
  leased_until timestamp with time zone default '-infinity'::timestamp with time zone not null,
  committed_at timestamp with time zone,
  last_read text default ''::text not null,
  constraint usage_stream_positions_pkey PRIMARY KEY (partition_no)
) with (fillfactor=10);

create table usage_totals (
  account_id text not null,
  metric text not null,
  period_start timestamp with time zone not null,
  quantity bigint not null,
  event_count bigint not null,
  last_occurred_at timestamp with time zone not null,
  constraint usage_totals_pkey PRIMARY KEY (account_id, metric, period_start),
  constraint usage_totals_quantity_check CHECK (((quantity >= 0) AND (quantity <= '999999999999999'::bigint)))
) with (fillfactor=50);

create table usage_unique_values (
  account_id text collate "C" not null,
  metric text not null,
  period_start timestamp with time zone not null,
  value text collate "C" not null,
  constraint usage_unique_values_pkey PRIMARY KEY (account_id, metric, period_start, value)
);
CREATE INDEX usage_unique_values_by_period ON public.usage_unique_values USING btree (period_start);

create table user_subscriptions (
  stripe_subscription_id text not null,
  account_id text not null,
  plan_id text not null,
  plan_version integer not null,
  status text not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  cancel_at_period_end boolean not null,
  cancel_at timestamp with time zone,
  ended_at timestamp with time zone,
  stripe_schedule_id text,
  pending_plan_id text,
  default_payment_method_id text,
  latest_invoice_id text,
  started_at timestamp with time zone not null,
  plan_changed_at timestamp with time zone,
  fetch_sequence bigint not null,
  trial_ends_at timestamp with time zone,
  pending_plan_version integer,
  constraint user_subscriptions_pkey PRIMARY KEY (stripe_subscription_id),
  constraint user_subscriptions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(account_id),
  constraint user_subscriptions_plan_id_plan_version_fkey FOREIGN KEY (plan_id, plan_version) REFERENCES subscription_plans(plan_id, version)
);
CREATE INDEX user_subscriptions_by_account ON public.user_subscriptions USING btree (account_id);

create table usage_records_1 partition of usage_records FOR VALUES IN (1);

CREATE OR REPLACE FUNCTION public.create_usage_generation(wanted integer)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  child text := 'usage_records_' || wanted;
begin
  execute format('create table %I (like usage_records including all)
    with (autovacuum_vacuum_insert_threshold = -1)', child);
  execute format('alter table %I alter column generation set default %s', child, wanted);
  execute format('alter table usage_records attach partition %I for values in (%s)', child, wanted);
  insert into usage_generations (generation) values (wanted);
end $function$;

CREATE OR REPLACE FUNCTION public.drop_usage_generation(unwanted integer)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_advisory_xact_lock(4000420007);
  delete from usage_generations where generation = unwanted and sealed_at is not null;
  if not found then
    return false;
  end if;
  execute format('drop table %I', 'usage_records_' || unwanted);
  return true;
end $function$;

CREATE OR REPLACE FUNCTION public.index_usage_generation(wanted integer, OUT made text, OUT detail text)
 RETURNS record
 LANGUAGE plpgsql
 SET maintenance_work_mem TO '64MB'
 SET max_parallel_maintenance_workers TO '0'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION public.lock_usage_generation()
 RETURNS usage_generations
 LANGUAGE plpgsql
AS $function$
declare
  current_generation usage_generations;
begin
  perform pg_advisory_xact_lock_shared(4000420006);
  select * into strict current_generation from usage_generations where sealed_at is null;
  if not current_generation.is_indexed then
    perform index_usage_generation(current_generation.generation);
  end if;
  return current_generation;
end $function$;

CREATE OR REPLACE FUNCTION public.lock_usage_generation(writer_partition integer)
 RETURNS TABLE(generation integer, table_name text, is_indexed boolean, has_repeats boolean, openings json)
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_advisory_xact_lock_shared(4000420006);
  return query select current.generation, current.table_name, current.is_indexed, current.has_repeats, (
    select coalesce(json_agg(json_build_object('generation', g.generation, 'isIndexed', g.is_indexed,
      'epoch', coalesce(p.epoch, ''), 'streamId', coalesce(p.last_stream_id, '0-0')) order by g.generation), '[]')
    from usage_generations g
    left join usage_generation_positions p on p.generation = g.generation and p.partition_no = writer_partition
    where g.generation >= (select min(each.generation) from usage_generations each where not each.is_indexed))
  from usage_generations current where current.sealed_at is null;
end $function$;

CREATE OR REPLACE FUNCTION public.rotate_usage_generation(wanted integer, sealed timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
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
end $function$;
