import {
  type InvoiceLine,
  type InvoiceRow,
  type InvoiceStatus,
  invoices,
  type Transaction,
} from "@driftlock/db";
import { isResourceMissing, type Stripe } from "@driftlock/stripe";
import { followInvoice, type SubscriptionEnd } from "../dunning/follow-invoice.ts";
import { applyInvoiceRow } from "./apply-invoice-row.ts";
import { findAccountOf } from "./find-account.ts";
import {
  type ApplyContext,
  type ApplyOutcome,
  idOf,
  ignored,
  instantOf,
  instantOrNull,
  type Syncer,
} from "./syncer.ts";

interface FullInvoice {
  invoice: Stripe.Invoice;
  /** All of them: an invoice carries its first ten. */
  lines: readonly Stripe.InvoiceLineItem[];
}

/** An invoice with all of its lines and the outcome of its last payment; with it period closes and dunning. */
export const syncInvoice: Syncer = async (stripe, objectId) => {
  try {
    const invoice = await stripe.invoices.retrieve(objectId, {
      expand: ["payments.data.payment.payment_intent", "parent.subscription_details.subscription"],
    });
    const lines = invoice.lines.has_more ? await listLines(stripe, objectId) : invoice.lines.data;
    return {
      stripeCustomerId: idOf(invoice.customer),
      apply: (tx, context) => applyInvoice(tx, { invoice, lines }, context),
    };
  } catch (error) {
    if (!isResourceMissing(error)) throw error;
    return { stripeCustomerId: null, apply: (tx, context) => applyMissing(tx, objectId, context) };
  }
};

async function listLines(stripe: Stripe, invoiceId: string): Promise<Stripe.InvoiceLineItem[]> {
  const lines: Stripe.InvoiceLineItem[] = [];
  for await (const line of stripe.invoices.listLineItems(invoiceId, { limit: 100 })) lines.push(line);
  return lines;
}

async function applyInvoice(
  tx: Transaction,
  { invoice, lines }: FullInvoice,
  context: ApplyContext,
): Promise<ApplyOutcome> {
  const { now, dunningMode } = context;
  const stripeCustomerId = idOf(invoice.customer);
  const mirrored = await invoices.findInvoice(tx, invoice.id);
  const account = await findAccountOf(tx, {
    mirroredAccountId: mirrored?.accountId ?? null,
    stripeCustomerId,
    metadataAccountId:
      invoice.parent?.subscription_details?.metadata?.["account_id"] ?? invoice.metadata?.["account_id"],
  });
  if (account === null) return ignored(`no account for the customer ${stripeCustomerId}`);
  const { accountId } = account;
  const row = rowOf({ invoice, lines }, accountId, context);
  const subscriptionEnd = subscriptionEndOf(invoice);
  await applyInvoiceRow(tx, { invoice: row, subscriptionEnd, mode: dunningMode, now });
  return { outcome: "applied", accountId };
}

function subscriptionEndOf({ parent }: Stripe.Invoice): SubscriptionEnd | null {
  const subscription = parent?.subscription_details?.subscription;
  if (typeof subscription !== "object" || subscription.ended_at === null) return null;
  const isForNonPayment = subscription.cancellation_details?.reason === "payment_failed";
  return { endedAt: instantOf(subscription.ended_at), isForNonPayment };
}

function rowOf({ invoice, lines }: FullInvoice, accountId: string, context: ApplyContext): InvoiceRow {
  return {
    invoiceId: invoice.id,
    accountId,
    stripeSubscriptionId: idOf(invoice.parent?.subscription_details?.subscription),
    number: invoice.number,
    status: statusOf(invoice),
    billingReason: invoice.billing_reason,
    totalMinor: invoice.total,
    amountDueMinor: invoice.amount_due,
    amountPaidMinor: invoice.amount_paid,
    amountRemainingMinor: invoice.amount_remaining,
    currency: invoice.currency,
    periodStart: instantOf(invoice.period_start),
    periodEnd: instantOf(invoice.period_end),
    hostedUrl: invoice.hosted_invoice_url ?? null,
    pdfUrl: invoice.invoice_pdf ?? null,
    lines: lines.map((line) => lineOf(line, context)),
    createdAt: instantOf(invoice.created),
    finalizedAt: instantOrNull(invoice.status_transitions.finalized_at),
    paidAt: instantOrNull(invoice.status_transitions.paid_at),
    nextPaymentAttemptAt: instantOrNull(invoice.next_payment_attempt),
    automaticallyFinalizesAt: instantOrNull(invoice.automatically_finalizes_at),
    autoAdvance: invoice.auto_advance ?? false,
    attemptCount: invoice.attempt_count,
    ...lastPaymentOf(invoice),
    fetchSequence: context.fetchSequence,
  };
}

/** Stripe's list of statuses is open: one we do not know is owed until somebody looks at it. */
const statusOf = (invoice: Stripe.Invoice): InvoiceStatus =>
  (["draft", "paid", "uncollectible", "void"] as const).find((known) => known === invoice.status) ?? "open";

function lineOf(line: Stripe.InvoiceLineItem, { plans }: ApplyContext): InvoiceLine {
  const stripePriceId = idOf(line.pricing?.price_details?.price);
  const limits = plans.flatMap((plan) => plan.limits);
  const item = line.parent?.subscription_item_details ?? line.parent?.invoice_item_details;
  const adjustmentId = line.metadata["adjustment_id"];
  return {
    lineId: line.id,
    description: line.description,
    amountMinor: line.amount,
    quantity: line.quantity,
    periodStart: instantOf(line.period.start).toISOString(),
    periodEnd: instantOf(line.period.end).toISOString(),
    stripePriceId,
    subscriptionItemId: line.parent?.subscription_item_details?.subscription_item ?? null,
    metric:
      limits.find((limit) => stripePriceId !== null && limit.stripePriceId === stripePriceId)?.metric ?? null,
    isProration: item?.proration ?? false,
    ...(adjustmentId !== undefined && { adjustmentId }),
  };
}

/** From the newest PaymentIntent of the invoice: what dunning decides by. */
function lastPaymentOf(
  invoice: Stripe.Invoice,
): Pick<InvoiceRow, "paymentIntentId" | "isActionRequired" | "failedPaymentMethodId" | "declineCode"> {
  const intents = (invoice.payments?.data ?? []).flatMap(({ payment, is_default }) => {
    const intent = payment.payment_intent;
    return intent && typeof intent !== "string" ? [{ intent, is_default }] : [];
  });
  const intent = (intents.find(({ is_default }) => is_default) ?? intents.at(-1))?.intent;
  const failure = intent?.status === "succeeded" ? null : intent?.last_payment_error;
  return {
    paymentIntentId: intent?.id ?? null,
    isActionRequired: intent?.status === "requires_action",
    failedPaymentMethodId: failure?.payment_method?.id ?? null,
    declineCode: failure?.decline_code ?? failure?.code ?? null,
  };
}

/** Only a draft can be deleted: what is mirrored of it owes nothing any more. */
async function applyMissing(
  tx: Transaction,
  invoiceId: string,
  context: ApplyContext,
): Promise<ApplyOutcome> {
  const mirrored = await invoices.findInvoice(tx, invoiceId);
  if (mirrored === null) return ignored("Stripe has no such invoice");
  const { accountId } = mirrored;
  await findAccountOf(tx, { mirroredAccountId: accountId, stripeCustomerId: null, metadataAccountId: null });
  await invoices.updateInvoiceMissing(tx, { invoiceId, fetchSequence: context.fetchSequence });
  const invoice = { ...mirrored, status: "void", amountRemainingMinor: 0 } as const;
  await followInvoice(tx, { invoice, subscriptionEnd: null, mode: context.dunningMode, now: context.now });
  return { outcome: "applied", accountId, isDeleted: true };
}
