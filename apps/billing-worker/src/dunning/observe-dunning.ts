import { type Db, dunningOverview } from "@driftlock/db";
import type { Clock, Metrics } from "@driftlock/runtime";

const openStates = ["retrying", "waiting_for_card", "action_required"] as const;

/** Gauges of what is not paid, read from Postgres at each scrape. */
export function observeDunning({ gauge }: Metrics, { db, clock }: { db: Db; clock: Clock }): void {
  gauge({
    name: "dunning_cases_open",
    help: "Invoices whose payment failed and that are not settled, by what they wait for",
    labels: ["state"] as const,
    collect: async (cases) => {
      const counts = new Map((await dunningOverview.listOpenCounts(db)).map((row) => [row.state, row.count]));
      for (const state of openStates) cases.set({ state }, counts.get(state) ?? 0);
    },
  });
  gauge({
    name: "dunning_steps_overdue",
    help: "Steps of dunning whose time came more than an hour ago and that nobody has done",
    collect: async (overdue) => {
      overdue.set(await dunningOverview.countOverdueSteps(db, new Date(clock.now().getTime() - 3_600_000)));
    },
  });
}
