import type { z } from "zod";

/**
 * One kind of job, declared once: producers validate against it, consumers are built from it, dashboards list it.
 * `id` names the work, not the message: while a job with the same id waits or runs, a second add is the same job.
 */
export interface JobDefinition<Payload> {
  /** The team of workers that runs it; no ":". */
  readonly queue: string;
  /** Imperative, kebab-case, unique in its queue. */
  readonly name: string;
  /** JSON in, `Payload` out; parsed at enqueue and again at dequeue. */
  readonly payload: z.ZodType<Payload>;
  readonly id: (payload: Payload) => string;
  /** How often it is tried in all before it is set aside as failed for good. */
  readonly attempts: number;
  /** Wait before the second attempt; doubles for each one after it. */
  readonly backoffMs: number;
}

/** Types a job literal by its payload schema. */
export function defineJob<Payload>(definition: JobDefinition<Payload>): JobDefinition<Payload> {
  return definition;
}
