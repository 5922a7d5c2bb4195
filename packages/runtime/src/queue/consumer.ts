import { AppError, isRetryable, type JobDefinition } from "@driftlock/contracts";
import { type Job, UnrecoverableError, WaitingError, Worker } from "bullmq";
import type { Cluster, Redis } from "ioredis";
import { ZodError } from "zod";
import { createErrorLog } from "../error-log.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics.ts";
import { Envelope, QUEUE_PREFIX } from "./envelope.ts";

// A worker that died gives its jobs back after one lock and one check: at most about 8 s, less than the 10 s that a
// jump of the simulator's clock waits. A worker held up for longer than the lock runs on beside its successor.
const LOCK_MS = 6_000;
const STALLED_CHECK_MS = 1_500;
/** A job that takes its process down this often is set aside instead of taking down the next one. */
const STALLED_COUNT_MAX = 5;
/** Of the 25 s in which a process drains: how long running jobs are left alone before their signal is aborted. */
const GRACE_MS = 15_000;

export interface JobContext {
  log: Logger;
  /** Aborted when the process must stop now, or when this run has lost its job to another worker. */
  signal: AbortSignal;
  /** From 1. */
  attempt: number;
  /** The request that caused the job, for jobs that it adds in its turn. */
  requestId: string | undefined;
}

/** A job definition together with what is done for it. */
export interface Processor {
  readonly queue: string;
  readonly name: string;
  readonly run: (payload: unknown, context: JobContext) => Promise<void>;
}

/** Binds a job to its handler; the payload is parsed before the handler sees it. */
export function processor<Payload>(
  job: JobDefinition<Payload>,
  handle: (payload: Payload, context: JobContext) => Promise<void>,
): Processor {
  return {
    queue: job.queue,
    name: job.name,
    run: async (payload, context) => handle(job.payload.parse(payload), context),
  };
}

export interface Consumer {
  /** Rejects when no jobs are being taken. */
  check(): Promise<void>;
  /**
   * Takes no more jobs and waits for those running; after `graceMs` their signal is aborted. A job cut short by that
   * is put back, its attempt not counted.
   */
  close(graceMs?: number): Promise<void>;
}

interface ConsumerOptions {
  /** With `maxRetriesPerRequest: null`; a second connection is made from it for waiting, and closed again. */
  connection: Redis | Cluster;
  prefix?: string;
  queue: string;
  processors: readonly Processor[];
  /** Jobs at a time. */
  concurrency: number;
  log: Logger;
  metrics: Metrics;
}

/**
 * Starts to run a queue's jobs. An error that cannot be retried, or the last attempt, leaves the job among the
 * failed for good, where `createQueueInspector` lists it. A name without a processor is an error that is retried:
 * during a rollout another process may know it.
 */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { connection, prefix = QUEUE_PREFIX, queue, concurrency, log } = options;
  const processors = byName(queue, options.processors);
  const measure = measuresOf(options.metrics);
  const stopping = new AbortController();

  async function runJob(job: Job, token: string | undefined, lost: AbortSignal | undefined): Promise<void> {
    const attempt = job.attemptsMade + 1;
    const envelope = Envelope.safeParse(job.data).data;
    const requestId = envelope?.requestId;
    const jobLog = log.child({
      queue,
      job: job.name,
      jobId: job.id,
      attempt,
      ...(requestId && { requestId }),
    });
    const signal = lost ? AbortSignal.any([stopping.signal, lost]) : stopping.signal;
    const done = measure(job);
    try {
      const found = processors.get(job.name);
      if (!found) throw new Error(`no processor for the job "${job.name}" of the queue "${queue}"`);
      if (!envelope) throw new UnrecoverableError("the job's data is not an envelope");
      await found.run(envelope.payload, { log: jobLog, signal, attempt, requestId });
      done("completed");
    } catch (error) {
      if (stopping.signal.aborted) {
        done("interrupted");
        await job.moveToWait(token);
        throw new WaitingError();
      }
      const isFinal = !canRetry(error) || attempt >= (job.opts.attempts ?? 1);
      done(isFinal ? "dead-lettered" : "failed");
      if (isFinal) jobLog.error({ err: error }, "job.dead-lettered");
      else jobLog.warn({ err: error }, "job.failed");
      throw isFinal ? unrecoverable(error) : error;
    }
  }

  // BullMQ hands out the signal only to a function that declares three parameters.
  const worker = new Worker(queue, (job, token, signal) => runJob(job, token, signal), {
    connection,
    prefix,
    concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: STALLED_COUNT_MAX,
  });
  worker.on("error", createErrorLog({ log, level: "warn", event: "queue.errored", fields: { queue } }));
  worker.on("stalled", (jobId) => log.warn({ queue, jobId }, "job.stalled"));

  return {
    check: async () => {
      if (!worker.isRunning() || worker.isPaused())
        throw new Error(`the queue "${queue}" is not being worked on`);
    },
    close: async (graceMs = GRACE_MS) => {
      const grace = setTimeout(() => stopping.abort(new Error("the process is stopping")), graceMs);
      await worker.close();
      clearTimeout(grace);
    },
  };
}

function byName(queue: string, processors: readonly Processor[]): Map<string, Processor> {
  const table = new Map<string, Processor>();
  for (const entry of processors) {
    if (entry.queue !== queue)
      throw new Error(`"${entry.name}" is a job of the queue "${entry.queue}", not "${queue}"`);
    if (table.has(entry.name)) throw new Error(`"${entry.name}" has two processors`);
    table.set(entry.name, entry);
  }
  return table;
}

function canRetry(error: unknown): boolean {
  return isRetryable(error) && !(error instanceof ZodError) && !(error instanceof UnrecoverableError);
}

/** What an operator reads beside the job: the code first, then the message. */
function unrecoverable(error: unknown): UnrecoverableError {
  const message = error instanceof Error ? error.message : String(error);
  return new UnrecoverableError(error instanceof AppError ? `${error.code}: ${message}` : message);
}

type Outcome = "completed" | "failed" | "dead-lettered" | "interrupted";

const BUCKETS_SECONDS = [0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800];

// The consumers of one process, one for each queue, share its metrics, which can be registered once.
const measures = new WeakMap<Metrics, ReturnType<typeof jobMeasures>>();

function measuresOf(metrics: Metrics): ReturnType<typeof jobMeasures> {
  const known = measures.get(metrics) ?? jobMeasures(metrics);
  measures.set(metrics, known);
  return known;
}

function jobMeasures({ histogram }: Metrics) {
  const labels = ["queue", "job"] as const;
  const wait = histogram({
    name: "job_wait_seconds",
    help: "From when a job could first run until it ran",
    labels,
    buckets: BUCKETS_SECONDS,
  });
  const run = histogram({
    name: "job_run_seconds",
    help: "How long one attempt ran, by its outcome",
    labels: [...labels, "outcome"] as const,
    buckets: BUCKETS_SECONDS,
  });
  return (job: Job) => {
    const of = { queue: job.queueName, job: job.name };
    const startedAtMs = Date.now();
    // A retry waited for its backoff, which says nothing of the queue.
    if (job.attemptsMade === 0)
      wait.observe(of, Math.max(0, startedAtMs - job.timestamp - job.delay) / 1_000);
    return (outcome: Outcome) => run.observe({ ...of, outcome }, (Date.now() - startedAtMs) / 1_000);
  };
}
