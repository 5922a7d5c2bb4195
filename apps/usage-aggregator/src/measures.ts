import type { Db } from "@driftlock/db";
import { usageReports } from "@driftlock/db";
import { readBacklog, readOldestMs, type RedisClient } from "@driftlock/redis";
import type { Clock, Metrics } from "@driftlock/runtime";

export type FlushTrigger = "size" | "interval" | "shutdown";

/** Of reports that were sent: `confirmed`, `mismatched`. Of those whose fate was open: `arrived`, `missing`, `mismatched`. */
export type ReportComparison = "confirmed" | "mismatched" | "arrived" | "missing";

export interface Measures {
  /** One committed batch. */
  flushed(flush: {
    trigger: FlushTrigger;
    events: number;
    repeats: number;
    quarantined: number;
    wasCareful: boolean;
    seconds: number;
    /** Wall milliseconds since its oldest entry was accepted. */
    oldestMs: number;
  }): void;
  reportSent(outcome: "sent" | "already-there" | "retry" | "failed"): void;
  /** Reports that were looked for in Stripe's summaries, by what was found. */
  reportsCompared(outcome: ReportComparison, count: number): void;
}

interface Deps {
  metrics: Metrics;
  db: Db;
  redis: RedisClient;
  clock: Clock;
  partitions: number;
  ownedPartitions: () => number;
}

const labels = ["trigger"] as const;

export function createMeasures({ metrics, db, redis, clock, partitions, ownedPartitions }: Deps): Measures {
  const { counter, gauge, histogram } = metrics;
  const size = histogram({
    name: "usage_flush_events",
    help: "Events of one committed batch, by what ended it",
    labels,
    buckets: [1, 10, 100, 1_000, 5_000, 20_000, 50_000, 100_000],
  });
  const seconds = histogram({
    name: "usage_flush_seconds",
    help: "How long a batch took to commit",
    labels: ["path"] as const,
    buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 20],
  });
  const age = histogram({
    name: "usage_commit_age_seconds",
    help: "From acceptance to commit, of the oldest event of a batch",
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 30, 300],
  });
  const events = counter({
    name: "usage_events_total",
    help: "Events by what became of them when they were written",
    labels: ["outcome"] as const,
  });
  const reports = counter({
    name: "usage_reports_total",
    help: "Reports to Stripe's meters, by outcome",
    labels: ["outcome"] as const,
  });
  const compared = counter({
    name: "usage_reports_compared_total",
    help: "Reports looked for in Stripe's own summaries, by what was found",
    labels: ["outcome"] as const,
  });
  gauge({
    name: "usage_stream_entries",
    help: "Entries of each partition that wait to be committed",
    labels: ["partition"] as const,
    collect: async (backlog) => {
      for (const [partition, length] of (await readBacklog(redis, partitions)).entries())
        backlog.set({ partition }, length);
    },
  });
  gauge({
    name: "usage_oldest_unstored_seconds",
    help: "Age of the oldest entry of each partition that waits to be committed; 0 where none does",
    labels: ["partition"] as const,
    collect: async (oldest) => {
      const nowMs = Date.now();
      for (const [partition, acceptedAtMs] of (await readOldestMs(redis, partitions)).entries())
        oldest.set({ partition }, acceptedAtMs === null ? 0 : Math.max(0, nowMs - acceptedAtMs) / 1_000);
    },
  });
  gauge({
    name: "usage_reports_open",
    help: "Reports that Stripe has not confirmed: open, stale (too old to be sent again blindly), failed, unconfirmed, mismatched, doubted",
    labels: ["state"] as const,
    collect: async (open) => {
      const { oldestOpenAt: _, ...counts } = await usageReports.countReports(db, clock.now());
      for (const [state, count] of Object.entries(counts)) open.set({ state }, count);
    },
  });
  gauge({
    name: "usage_reports_oldest_unsent_seconds",
    help: "Age of the oldest report that is still to be sent; 0 where none is",
    collect: async (oldest) => {
      const { oldestOpenAt } = await usageReports.countReports(db, clock.now());
      oldest.set(oldestOpenAt === null ? 0 : (clock.now().getTime() - oldestOpenAt.getTime()) / 1_000);
    },
  });
  gauge({
    name: "usage_partitions_owned",
    help: "Partitions that this process writes",
    collect: (owned) => owned.set(ownedPartitions()),
  });
  return {
    flushed: (flush) => {
      size.observe({ trigger: flush.trigger }, flush.events);
      seconds.observe({ path: flush.wasCareful ? "careful" : "optimistic" }, flush.seconds);
      age.observe(flush.oldestMs / 1_000);
      events.inc({ outcome: "stored" }, flush.events);
      events.inc({ outcome: "repeat" }, flush.repeats);
      events.inc({ outcome: "quarantined" }, flush.quarantined);
    },
    reportSent: (outcome) => reports.inc({ outcome }),
    reportsCompared: (outcome, count) => compared.inc({ outcome }, count),
  };
}
