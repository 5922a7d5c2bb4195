import type { Invoice } from "../api/router-outputs.ts";
import type { Standing } from "./standing.ts";

const known: Record<string, Standing> = {
  draft: { label: "In preparation", tone: "neutral" },
  open: { label: "To be paid", tone: "warning" },
  paid: { label: "Paid", tone: "good" },
  void: { label: "Cancelled", tone: "neutral" },
  uncollectible: { label: "Unpaid", tone: "danger" },
};

type Standable = Pick<Invoice, "status" | "declineCode" | "needsConfirmation">;

/** The word for where an invoice stands; a status of Stripe's that is new is shown as it is. */
export function invoiceStanding({ status, declineCode, needsConfirmation }: Standable): Standing {
  if (status === "open" && needsConfirmation) return { label: "To be confirmed", tone: "warning" };
  if (status === "open" && declineCode !== null) return { label: "Payment failed", tone: "danger" };
  return known[status] ?? { label: status, tone: "neutral" };
}

/** Whether there is something to pay of it. */
export const isToPay = ({ status, amountDueMinor }: Pick<Invoice, "status" | "amountDueMinor">): boolean =>
  amountDueMinor > 0 && (status === "open" || status === "uncollectible");
