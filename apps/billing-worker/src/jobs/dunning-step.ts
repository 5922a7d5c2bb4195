import { dunningStep } from "@driftlock/contracts";
import { processor } from "@driftlock/runtime/queue";
import type { DunningStepRun } from "../dunning/dunning-step.ts";

/** The next step of an invoice that was not paid; what it is, is in dunning/. */
export const dunningStepProcessor = ({ step }: { step: DunningStepRun }) =>
  processor(dunningStep, async ({ invoiceId }, context) => step(invoiceId, context));
