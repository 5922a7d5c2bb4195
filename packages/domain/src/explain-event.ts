import type { EventBilling, OveragePolicy, PlanId } from "@driftlock/contracts";

/** What is known of where a stored event went. */
export interface EventWhereabouts {
  planId: PlanId;
  /** How its period's plan treats its metric; null where the plan does not name it. */
  policy: OveragePolicy | null;
  includedQuantity: number | null;
  /** The period's total. */
  totalQuantity: number;
  isTrial: boolean;
  /** It was received after its period was closed. */
  isLate: boolean;
  /** Of the invoice that holds its period's line; null where there is none yet. */
  invoiceStatus: string | null;
}

/** What became of a stored event on the way to money. */
export function explainEvent(event: EventWhereabouts): EventBilling {
  if (event.policy !== "bill") return event.planId === "free" ? "free-plan" : "not-billed-by-plan";
  if (event.isTrial) return "trial";
  if (event.isLate) return "carried";
  if (event.invoiceStatus === null || event.invoiceStatus === "draft") return "not-yet-invoiced";
  return event.totalQuantity <= (event.includedQuantity ?? 0) ? "within-included-quantity" : "invoiced";
}
