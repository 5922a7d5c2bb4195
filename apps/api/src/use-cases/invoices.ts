import { AppError, type InvoiceDto, type Page, type PageQuery } from "@driftlock/contracts";
import { type Db, invoices } from "@driftlock/db";
import { readCursor, toPage } from "../cursor.ts";
import { requireAccount } from "./require-account.ts";

type InvoiceRow = Awaited<ReturnType<typeof invoices.listInvoices>>[number];

/** The account's invoices, from the mirror. */
export function createInvoices({ db }: { db: Db }) {
  /** Newest first. @throws ACCOUNT_NOT_FOUND, INVALID for a cursor that is none. */
  const listInvoices = async (accountId: string, { limit, cursor }: PageQuery): Promise<Page<InvoiceDto>> => {
    const position = readCursor(cursor);
    await requireAccount(db, accountId);
    const after = position && { createdAt: position.at, invoiceId: position.id };
    const rows = await invoices.listInvoices(db, { accountId, after, limit: limit + 1 });
    return toPage(rows, limit, {
      position: (row) => ({ at: row.createdAt, id: row.invoiceId }),
      item: toInvoiceDto,
    });
  };

  /** @throws INVOICE_NOT_FOUND, for another account's too. */
  const getInvoice = async (accountId: string, invoiceId: string): Promise<InvoiceDto> => {
    const row = await invoices.findInvoice(db, invoiceId);
    if (row === null || row.accountId !== accountId) {
      throw new AppError("INVOICE_NOT_FOUND", `There is no invoice "${invoiceId}".`);
    }
    return toInvoiceDto(row);
  };

  return { listInvoices, getInvoice };
}

const toInvoiceDto = (row: InvoiceRow): InvoiceDto => ({
  id: row.invoiceId,
  number: row.number,
  status: row.status,
  totalMinor: row.totalMinor,
  amountDueMinor: row.amountDueMinor,
  currency: row.currency,
  period: { start: row.periodStart.toISOString(), end: row.periodEnd.toISOString() },
  hostedUrl: row.hostedUrl,
  pdfUrl: row.pdfUrl,
  createdAt: row.createdAt.toISOString(),
  lines: row.lines.map(({ description, amountMinor, quantity, periodStart, periodEnd }) => ({
    description,
    amountMinor,
    quantity,
    period: { start: periodStart, end: periodEnd },
  })),
});
