import type { Standing } from "./standing.ts";

const known: Record<string, Standing> = {
  draft: { label: "In preparation", tone: "neutral" },
  open: { label: "To be paid", tone: "warning" },
  paid: { label: "Paid", tone: "good" },
  void: { label: "Cancelled", tone: "neutral" },
  uncollectible: { label: "Unpaid", tone: "danger" },
};

/** The word for an invoice's status (Stripe's); one that is new is shown as it is. */
export const invoiceStanding = (status: string): Standing =>
  known[status] ?? { label: status, tone: "neutral" };
