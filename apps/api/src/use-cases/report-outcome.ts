import type { ReportDecision, ReportDecisionDto } from "@driftlock/contracts";
import type { usageReportDoubts } from "@driftlock/db";
import { decideResend } from "@driftlock/domain";

type Report = Pick<
  usageReportDoubts.DecidableReportRow,
  "state" | "metric" | "reportMode" | "fromQuantity" | "toQuantity"
>;

/** Of the report's minute: what the ledger takes for arrived with the decision made, and Stripe's total. */
interface Figures {
  reported: number;
  atStripe: number | null;
}

/** What a decision comes to, by the rule that the aggregator sends by. */
export function outcomeOf(
  report: Report,
  { decision, reported, atStripe }: Figures & { decision: ReportDecision },
): ReportDecisionDto["outcome"] {
  if (decision === "at-stripe") return "confirmed";
  if (report.state === "replaced") return "send-again";
  if (atStripe === null) return "unknown";
  return decideResend(report, { reported, total: atStripe, isDecided: true });
}

/** The same in a sentence, for whoever decides. */
export function summaryOf(
  { metric, fromQuantity, toQuantity }: Report,
  { outcome, reported, atStripe }: Figures & { outcome: ReportDecisionDto["outcome"] },
): string {
  const what = `${metric} from ${fromQuantity} to ${toQuantity}`;
  const figures = `of its minute we have ${reported}, Stripe ${atStripe ?? "could not be asked"}`;
  switch (outcome) {
    case "confirmed":
      return `The report of ${what} counts as arrived and is not sent; then ${figures}.`;
    case "send-again":
      return `The report of ${what} is sent under a new identifier; without it ${figures}.`;
    case "arrived":
      return `Stripe has the report of ${what}: without it ${figures}. It counts as sent, and is not sent again.`;
    case "unexplained":
      return `The report of ${what} is not sent: without it ${figures}, and more would be billed than was used. Take back at Stripe what is not ours, or say that Stripe has it.`;
    case "unknown":
      return `The report of ${what} is sent under a new identifier, unless Stripe’s total then shows that it has it or too much; now Stripe could not be asked.`;
  }
}
