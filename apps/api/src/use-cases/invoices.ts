import {
  AppError,
  type InvoiceConfirmationDto,
  type InvoiceDto,
  type Page,
  type PageQuery,
  toldDeclineCode,
} from "@driftlock/contracts";
import { type Db, invoices, moneyBack } from "@driftlock/db";
import { waitsForCustomer } from "@driftlock/domain";
import { type Stripe, stripeCall } from "@driftlock/stripe";
import { readCursor, toPage } from "../cursor.ts";
import { requireAccount } from "./require-account.ts";

type InvoiceRow = Awaited<ReturnType<typeof invoices.listInvoices>>[number];

/** The account's invoices, from the mirror. */
export function createInvoices({ db, stripe }: { db: Db; stripe: Stripe }) {
  /** Newest first. @throws ACCOUNT_NOT_FOUND, INVALID for a cursor that is none. */
  const listInvoices = async (accountId: string, { limit, cursor }: PageQuery): Promise<Page<InvoiceDto>> => {
    const position = readCursor(cursor);
    await requireAccount(db, accountId);
    const after = position && { createdAt: position.at, invoiceId: position.id };
    const rows = await invoices.listInvoices(db, { accountId, after, limit: limit + 1 });
    const refunded = await readRefunded(rows);
    return toPage(rows, limit, {
      position: (row) => ({ at: row.createdAt, id: row.invoiceId }),
      item: (row) => toInvoiceDto(row, refunded),
    });
  };

  /** @throws INVOICE_NOT_FOUND, for another account's too. */
  const getInvoice = async (accountId: string, invoiceId: string): Promise<InvoiceDto> => {
    const row = await findOwn(accountId, invoiceId);
    return toInvoiceDto(row, await readRefunded([row]));
  };

  /**
   * What the customer confirms an open invoice's payment with, where the bank asks for it or another card is to pay it.
   * @throws INVOICE_NOT_FOUND, INVOICE_SETTLED, STRIPE_UNAVAILABLE.
   */
  const createConfirmation = async (
    accountId: string,
    invoiceId: string,
  ): Promise<InvoiceConfirmationDto> => {
    await findOwn(accountId, invoiceId);
    const invoice = await stripeCall(() =>
      stripe.invoices.retrieve(invoiceId, { expand: ["confirmation_secret"] }),
    );
    const clientSecret = invoice.confirmation_secret?.client_secret;
    if (invoice.status !== "open" || !clientSecret)
      throw new AppError("INVOICE_SETTLED", `The invoice "${invoiceId}" is ${invoice.status}.`);
    return { clientSecret, hostedUrl: invoice.hosted_invoice_url ?? null };
  };

  const findOwn = async (accountId: string, invoiceId: string): Promise<InvoiceRow> => {
    const row = await invoices.findInvoice(db, invoiceId);
    if (row === null || row.accountId !== accountId) {
      throw new AppError("INVOICE_NOT_FOUND", `There is no invoice "${invoiceId}".`);
    }
    return row;
  };

  const readRefunded = async (rows: readonly InvoiceRow[]): Promise<ReadonlyMap<string, number>> => {
    const refunded = await moneyBack.listRefundedMinor(
      db,
      rows.map(({ invoiceId }) => invoiceId),
    );
    return new Map(refunded.map(({ invoiceId, refundedMinor }) => [invoiceId, refundedMinor]));
  };

  return { listInvoices, getInvoice, createConfirmation };
}

function toInvoiceDto(row: InvoiceRow, refunded: ReadonlyMap<string, number>): InvoiceDto {
  const isToPay = (row.status === "open" || row.status === "uncollectible") && row.amountRemainingMinor > 0;
  return {
    id: row.invoiceId,
    number: row.number,
    status: row.status,
    totalMinor: row.totalMinor,
    amountDueMinor: row.amountDueMinor,
    refundedMinor: refunded.get(row.invoiceId) ?? 0,
    currency: row.currency,
    period: { start: row.periodStart.toISOString(), end: row.periodEnd.toISOString() },
    hostedUrl: row.hostedUrl,
    pdfUrl: row.pdfUrl,
    createdAt: row.createdAt.toISOString(),
    needsConfirmation: row.status === "open" && isToPay && waitsForCustomer(row),
    declineCode: isToPay ? toldDeclineCode(row.declineCode) : null,
    lines: row.lines.map(({ description, amountMinor, quantity, periodStart, periodEnd }) => ({
      description,
      amountMinor,
      quantity,
      period: { start: periodStart, end: periodEnd },
    })),
  };
}
