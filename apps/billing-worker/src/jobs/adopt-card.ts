import { adoptCard } from "@driftlock/contracts";
import { processor } from "@driftlock/runtime/queue";
import type { AdoptCard } from "../dunning/adopt-card.ts";

/** Makes the card that the customer entered last the one that is charged. */
export const adoptCardProcessor = ({ adopt }: { adopt: AdoptCard }) =>
  processor(adoptCard, async ({ accountId }, context) => adopt(accountId, context));
