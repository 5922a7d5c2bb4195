/** Why usage of a closed period is billed apart (ADR 0019, 0020), after "because" and "as". */
const reasons: Record<string, string> = {
  late: "it came late",
  remainder: "Stripe was not told in time",
  allowance: "what the plan includes was used before",
};

const outcomes: Record<string, string> = {
  review: "not decided yet",
  pending: "on the next invoice",
  sending: "on the next invoice",
  sent: "on the next invoice",
  invoiced: "invoiced",
  settled: "costs nothing",
  waived: "not billed",
};

/** Why an adjustment is made, as a clause; a reason that is new is shown as it is. */
export const adjustmentReason = (reason: string): string => reasons[reason] ?? reason;

/** What becomes of its money, as its customer is told. */
export const adjustmentOutcome = (state: string): string => outcomes[state] ?? state;
