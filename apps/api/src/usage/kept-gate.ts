import { partitionOf } from "@driftlock/redis";
import type { BacklogWatch } from "./backlog-watch.ts";
import type { Durability } from "./durability.ts";
import type { UsageGate } from "./usage-gate.ts";

interface Deps {
  gate: UsageGate;
  backlog: Pick<BacklogWatch, "assertRoom">;
  durability: Pick<Durability, "keep" | "isKeptByWriting">;
  partitions: number;
}

/** The gate, whose answers wait until what they say is as durable as promised, and which is shut while no room is left. */
export const createKeptGate = ({ gate, backlog, durability, partitions }: Deps): UsageGate => ({
  ...gate,
  decide: async (events, mode) => {
    if (mode === "check") return gate.decide(events, mode);
    backlog.assertRoom();
    if (durability.isKeptByWriting) return gate.decide(events, mode);
    return durability.keep(async () => {
      const answer = await gate.decide(events, mode);
      const repeated = events.filter((_, index) => answer.decisions[index]?.verdict === "duplicate");
      return {
        answer,
        entries: answer.written,
        repeatedIn: () => repeated.map(({ accountId }) => partitionOf(accountId, partitions)),
      };
    });
  },
});
