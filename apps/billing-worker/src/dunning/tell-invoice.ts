import { toldDeclineCode } from "@driftlock/contracts";
import type { InvoiceRow, Transaction } from "@driftlock/db";
import { insertNotice } from "../notices/insert-notice.ts";

export type ToldInvoice = Pick<
  InvoiceRow,
  "invoiceId" | "accountId" | "number" | "totalMinor" | "amountRemainingMinor" | "currency" | "hostedUrl"
>;

interface FailedTry {
  declineCode: string | null;
  /** Names the try among those of the invoice: each is told once. */
  step: string;
  now: Date;
}

const dataOf = (invoice: ToldInvoice) => ({
  invoiceId: invoice.invoiceId,
  number: invoice.number,
  totalMinor: invoice.totalMinor,
  amountRemainingMinor: invoice.amountRemainingMinor,
  currency: invoice.currency,
  hostedUrl: invoice.hostedUrl,
});

/** The invoice is paid; told once, whoever hears of it first. */
export const tellPaid = (tx: Transaction, invoice: ToldInvoice, now: Date): Promise<boolean> =>
  insertNotice(tx, {
    accountId: invoice.accountId,
    type: "invoice.paid",
    dedupeKey: `invoice.paid.${invoice.invoiceId}`,
    data: { ...dataOf(invoice), amountRemainingMinor: 0 },
    now,
  });

/** A try to collect the invoice failed; what to do is to give another card, at the invoice's page. */
export const tellPaymentFailed = (
  tx: Transaction,
  invoice: ToldInvoice,
  failed: FailedTry,
): Promise<boolean> =>
  insertNotice(tx, {
    accountId: invoice.accountId,
    type: "invoice.payment_failed",
    dedupeKey: `invoice.payment_failed.${invoice.invoiceId}.${failed.step}`,
    data: { ...dataOf(invoice), declineCode: toldDeclineCode(failed.declineCode) },
    now: failed.now,
  });

/** The bank asks the customer for a confirmation, at the invoice's page. */
export const tellActionRequired = (
  tx: Transaction,
  invoice: ToldInvoice,
  failed: FailedTry,
): Promise<boolean> =>
  insertNotice(tx, {
    accountId: invoice.accountId,
    type: "invoice.payment_action_required",
    dedupeKey: `invoice.payment_action_required.${invoice.invoiceId}.${failed.step}`,
    data: dataOf(invoice),
    now: failed.now,
  });

/** Nobody tries to collect the invoice any more. */
export const tellUncollectible = (tx: Transaction, invoice: ToldInvoice, now: Date): Promise<boolean> =>
  insertNotice(tx, {
    accountId: invoice.accountId,
    type: "invoice.uncollectible",
    dedupeKey: `invoice.uncollectible.${invoice.invoiceId}`,
    data: dataOf(invoice),
    now,
  });
