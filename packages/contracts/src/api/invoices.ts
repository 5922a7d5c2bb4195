import { z } from "zod";
import { PeriodDto } from "../period.ts";

export const InvoiceLineDto = z.object({
  description: z.string().nullable(),
  amountMinor: z.number().int(),
  quantity: z.number().nullable(),
  period: PeriodDto,
});
export type InvoiceLineDto = z.infer<typeof InvoiceLineDto>;

/**
 * One of Stripe's invoices. `hostedUrl` and `pdfUrl` are null until it is finalized. While it is to be paid:
 * `needsConfirmation` where the bank wants to see the customer, `declineCode` why the last try failed, if one did.
 */
export const InvoiceDto = z
  .object({
    id: z.string(),
    number: z.string().nullable(),
    status: z.string(),
    totalMinor: z.number().int(),
    amountDueMinor: z.number().int(),
    /** What went back of it. */
    refundedMinor: z.number().int(),
    currency: z.string(),
    period: PeriodDto,
    hostedUrl: z.string().nullable(),
    pdfUrl: z.string().nullable(),
    createdAt: z.iso.datetime(),
    needsConfirmation: z.boolean(),
    declineCode: z.string().nullable(),
    lines: z.array(InvoiceLineDto),
  })
  .meta({ id: "Invoice" });
export type InvoiceDto = z.infer<typeof InvoiceDto>;

/** What Stripe Elements confirms the payment of an open invoice with; `hostedUrl` is Stripe's own page for it. */
export const InvoiceConfirmationDto = z
  .object({ clientSecret: z.string(), hostedUrl: z.string().nullable() })
  .meta({ id: "InvoiceConfirmation" });
export type InvoiceConfirmationDto = z.infer<typeof InvoiceConfirmationDto>;
