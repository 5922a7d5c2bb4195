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

export interface Producer {
  /**
   * Resolves once the job is in Redis. The same work already waiting or running is not added again; the same work
   * failed for good is tried anew. Throws a ZodError for a payload that is not the job's, and UNAVAILABLE when Redis
   * does not answer in time: the job may then exist all the same, which adding it again makes good.
   */
  add<Payload>(job: JobDefinition<Payload>, payload: NoInfer<Payload>, options?: AddOptions): Promise<void>;
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

  return {
    add: async (job, payload, options = {}) => {
      const envelope: Envelope = {
        payload: job.payload.parse(payload),
        ...(options.requestId !== undefined && { requestId: options.requestId }),
      };
      await withinAddTimeout(
        job.queue,
        addOrRevive(queueOf(job.queue), job.name, envelope, optionsOf(job, payload, options)),
      );
    },
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

function optionsOf<Payload>(job: JobDefinition<Payload>, payload: Payload, options: AddOptions): JobsOptions {
  const id = jobIdOf(job, payload);
  return {
    attempts: job.attempts,
    backoff: { type: "exponential", delay: job.backoffMs },
    // The effect is remembered in Postgres; a finished job kept here would only block the next one of its name.
    removeOnComplete: true,
    removeOnFail: false,
    ...(options.delayMs !== undefined && { delay: options.delayMs }),
    ...(options.deduplicate === "keep-last-if-active"
      ? { deduplication: { id, keepLastIfActive: true } }
      : { jobId: id }),
  };
}

async function addOrRevive(
  queue: Queue,
  name: string,
  envelope: Envelope,
  options: JobsOptions,
): Promise<void> {
  if (options.jobId !== undefined && (await revive(queue, options.jobId, envelope))) return;
  await queue.add(name, envelope, options);
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

async function withinAddTimeout(queue: string, adding: Promise<void>): Promise<void> {
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
