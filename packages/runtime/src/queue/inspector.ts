import { AppError } from "@driftlock/contracts";
import { type Job, Queue } from "bullmq";
import type { Cluster, Redis } from "ioredis";
import { createErrorLog } from "../error-log.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics.ts";
import { Envelope, QUEUE_PREFIX } from "./envelope.ts";

export interface QueueCounts {
  queue: string;
  waiting: number;
  active: number;
  /** Waiting for their backoff. */
  delayed: number;
  /** Failed for good, kept until somebody retries them. */
  failed: number;
  /** Age of the job that is next in line; null when none waits. */
  oldestWaitingMs: number | null;
}

export interface FailedJob {
  queue: string;
  id: string;
  name: string;
  payload: unknown;
  requestId: string | null;
  reason: string;
  attempts: number;
  addedAt: Date;
  failedAt: Date | null;
}

export interface QueueInspector {
  counts(): Promise<QueueCounts[]>;
  /** Jobs that will still run: waiting, active or in backoff, over all queues. 0 is idle. */
  pendingCount(): Promise<number>;
  /** The failed for good of one queue, the latest first. NOT_FOUND for an unknown queue. */
  listFailed(queue: string, page: { offset: number; limit: number }): Promise<FailedJob[]>;
  /** Gives a failed job all its attempts again. NOT_FOUND where there is no such failed job. */
  retryFailed(queue: string, jobId: string): Promise<void>;
  /** Leaves the connection open. */
  close(): Promise<void>;
}

interface QueueInspectorOptions {
  connection: Redis | Cluster;
  prefix?: string;
  queues: readonly string[];
  log: Logger;
}

/** The names of the queues that a catalog of jobs uses, each once. */
export function queuesOf(jobs: readonly { queue: string }[]): string[] {
  return [...new Set(jobs.map(({ queue }) => queue))];
}

/** Looks into queues and gives failed jobs another go; it runs none. */
export function createQueueInspector(options: QueueInspectorOptions): QueueInspector {
  const { connection, prefix = QUEUE_PREFIX, log } = options;
  const queues = new Map(options.queues.map((name) => [name, openQueue(name)]));

  function openQueue(name: string): Queue {
    const queue = new Queue(name, { connection, prefix, skipMetasUpdate: true });
    queue.on(
      "error",
      createErrorLog({ log, level: "warn", event: "queue.errored", fields: { queue: name } }),
    );
    return queue;
  }

  function get(name: string): Queue {
    const queue = queues.get(name);
    if (!queue)
      throw new AppError(
        "NOT_FOUND",
        `There is no queue "${name}"; there are ${[...queues.keys()].join(", ")}`,
      );
    return queue;
  }

  const counts = () => Promise.all([...queues.values()].map(countQueue));

  return {
    counts,
    pendingCount: async () =>
      (await counts()).reduce((sum, { waiting, active, delayed }) => sum + waiting + active + delayed, 0),
    listFailed: async (queue, { offset, limit }) => {
      const jobs = await get(queue).getFailed(offset, offset + limit - 1);
      return jobs.map((job) => describeFailed(queue, job));
    },
    retryFailed: async (queue, jobId) => {
      const job = await get(queue).getJob(jobId);
      if (!job || !(await job.isFailed()))
        throw new AppError("NOT_FOUND", `No job "${jobId}" has failed for good`);
      await job.retry("failed", { resetAttemptsMade: true, resetAttemptsStarted: true });
    },
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

async function countQueue(queue: Queue): Promise<QueueCounts> {
  const [counts, [oldest]] = await Promise.all([
    queue.getJobCounts("waiting", "prioritized", "active", "delayed", "failed"),
    queue.getJobs(["waiting"], 0, 0, true),
  ]);
  const count = (state: string) => counts[state] ?? 0;
  return {
    queue: queue.name,
    waiting: count("waiting") + count("prioritized"),
    active: count("active"),
    delayed: count("delayed"),
    failed: count("failed"),
    oldestWaitingMs: oldest ? Math.max(0, Date.now() - oldest.timestamp) : null,
  };
}

function describeFailed(queue: string, job: Job): FailedJob {
  const envelope = Envelope.safeParse(job.data).data;
  return {
    queue,
    id: job.id ?? "",
    name: job.name,
    payload: envelope ? envelope.payload : job.data,
    requestId: envelope?.requestId ?? null,
    reason: job.failedReason ?? "unknown",
    attempts: job.attemptsMade,
    addedAt: new Date(job.timestamp),
    failedAt: job.finishedOn === undefined ? null : new Date(job.finishedOn),
  };
}

/** Gauges of every queue's depth and age, read from Redis at each scrape: what autoscaling and alerts look at. */
export function observeQueues({ gauge }: Metrics, inspector: QueueInspector): void {
  gauge({
    name: "queue_jobs_count",
    help: "Jobs in each queue by state",
    labels: ["queue", "state"] as const,
    collect: async (jobs) => {
      for (const { queue, waiting, active, delayed, failed } of await inspector.counts()) {
        const states = { waiting, active, delayed, failed };
        for (const [state, count] of Object.entries(states)) jobs.set({ queue, state }, count);
      }
    },
  });
  gauge({
    name: "queue_oldest_waiting_seconds",
    help: "Age of the job next in line; 0 when none waits",
    labels: ["queue"] as const,
    collect: async (age) => {
      for (const { queue, oldestWaitingMs } of await inspector.counts())
        age.set({ queue }, (oldestWaitingMs ?? 0) / 1_000);
    },
  });
}
