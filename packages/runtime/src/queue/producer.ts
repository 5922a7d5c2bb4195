import { AppError, type JobDefinition } from "@driftlock/contracts";
import { type JobsOptions, Queue } from "bullmq";
import type { Cluster, Redis } from "ioredis";
import { createErrorLog } from "../error-log.ts";
import type { Logger } from "../logger.ts";
import { type Envelope, jobIdOf, QUEUE_PREFIX } from "./envelope.ts";

const ADD_TIMEOUT_MS = 5_000;

export interface AddOptions {
  /** Transport backoff only: what is due at a business time is a row in Postgres. */
  delayMs?: number;
  /** One more run follows when the same work is added while it runs; without it such an add changes nothing. */
  deduplicate?: "keep-last-if-active";
  /** Follows the job into the logs of whoever runs it. */
  requestId?: string;
}

/** One of several jobs that are added together. */
export interface Addition<Payload> {
  payload: Payload;
  /** Follows the job into the logs of whoever runs it. */
  requestId?: string | undefined;
}

export interface Producer {
  /**
   * Resolves once the job is in Redis. The same work already waiting or running is not added again; the same work
   * failed for good is tried anew. Throws a ZodError for a payload that is not the job's, and UNAVAILABLE when Redis
   * does not answer in time: the job may then exist all the same, which adding it again makes good.
   */
  add<Payload>(job: JobDefinition<Payload>, payload: NoInfer<Payload>, options?: AddOptions): Promise<void>;
  /**
   * As `add` for each, in two round trips: resolves once all are in Redis. Where it rejects some may be, and adding all
   * of them again makes good.
   */
  addMany<Payload>(
    job: JobDefinition<Payload>,
    additions: readonly Addition<NoInfer<Payload>>[],
    options?: Pick<AddOptions, "deduplicate">,
  ): Promise<void>;
  /** Leaves the connection open: it belongs to the caller. */
  close(): Promise<void>;
}

interface ProducerOptions {
  connection: Redis | Cluster;
  prefix?: string;
  log: Logger;
}

/** Adds jobs to queues, each queue opened at its first job. */
export function createProducer({ connection, prefix = QUEUE_PREFIX, log }: ProducerOptions): Producer {
  const queues = new Map<string, Queue>();

  function queueOf(name: string): Queue {
    const open = queues.get(name);
    if (open) return open;
    const queue = new Queue(name, { connection, prefix });
    queue.on(
      "error",
      createErrorLog({ log, level: "warn", event: "queue.errored", fields: { queue: name } }),
    );
    queues.set(name, queue);
    return queue;
  }

  async function addMany(queue: Queue, jobs: readonly NewJob[]): Promise<void> {
    const failed = await failedAmong(connection, queue, jobs);
    await Promise.all([
      queue.addBulk(jobs.filter((job) => !failed.has(job))),
      ...[...failed].map((job) => addOrRevive(queue, job)),
    ]);
  }

  return {
    add: (job, payload, { requestId, ...options } = {}) =>
      withinAddTimeout(job.queue, async () =>
        addOrRevive(queueOf(job.queue), newJob(job, { payload, requestId }, options)),
      ),
    addMany: async (job, additions, options = {}) => {
      if (additions.length === 0) return;
      await withinAddTimeout(job.queue, async () =>
        addMany(
          queueOf(job.queue),
          additions.map((addition) => newJob(job, addition, options)),
        ),
      );
    },
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

/** A job as BullMQ takes it. */
interface NewJob {
  name: string;
  data: Envelope;
  opts: JobsOptions;
}

function newJob<Payload>(
  job: JobDefinition<Payload>,
  { payload, requestId }: Addition<Payload>,
  { delayMs, deduplicate }: Omit<AddOptions, "requestId">,
): NewJob {
  const data = { payload: job.payload.parse(payload), ...(requestId !== undefined && { requestId }) };
  const id = jobIdOf(job, payload);
  return {
    name: job.name,
    data,
    opts: {
      attempts: job.attempts,
      backoff: { type: "exponential", delay: job.backoffMs },
      // The effect is remembered in Postgres; a finished job kept here would only block the next one of its name.
      removeOnComplete: true,
      removeOnFail: false,
      ...(delayMs !== undefined && { delay: delayMs }),
      ...(deduplicate === "keep-last-if-active"
        ? { deduplication: { id, keepLastIfActive: true } }
        : { jobId: id }),
    },
  };
}

/** Those whose work has failed for good under the same id: few or none, so each is then looked at by itself. */
async function failedAmong(
  connection: Redis | Cluster,
  queue: Queue,
  jobs: readonly NewJob[],
): Promise<Set<NewJob>> {
  const named = jobs.filter(({ opts }) => opts.jobId !== undefined);
  if (named.length === 0) return new Set();
  const ids = named.map(({ opts }) => opts.jobId ?? "");
  const failedAt = await connection.zmscore(queue.toKey("failed"), ...ids);
  return new Set(named.filter((_job, at) => (failedAt[at] ?? null) !== null));
}

async function addOrRevive(queue: Queue, { name, data, opts }: NewJob): Promise<void> {
  if (opts.jobId !== undefined && (await revive(queue, opts.jobId, data))) return;
  await queue.add(name, data, opts);
}

/** A job failed for good keeps its id taken: without this, work that is due again would never be tried again. */
async function revive(queue: Queue, jobId: string, envelope: Envelope): Promise<boolean> {
  if ((await queue.getJobState(jobId)) !== "failed") return false;
  try {
    const failed = await queue.getJob(jobId);
    await failed?.updateData(envelope);
    await failed?.retry("failed", { resetAttemptsMade: true, resetAttemptsStarted: true });
    return failed !== undefined;
  } catch {
    return false; // somebody else revived it in the meantime: an ordinary add is right again
  }
}

async function withinAddTimeout(queue: string, add: () => Promise<void>): Promise<void> {
  const adding = add();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new AppError("UNAVAILABLE", `The queue "${queue}" does not answer`)),
      ADD_TIMEOUT_MS,
    );
  });
  try {
    await Promise.race([adding, late]);
  } finally {
    clearTimeout(timer);
    adding.catch(() => {});
  }
}
