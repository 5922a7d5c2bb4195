import type { JobDefinition } from "@driftlock/contracts";
import { z } from "zod";

/** Braces: all keys of our queues share one slot, which BullMQ's scripts need on Redis Cluster. */
export const QUEUE_PREFIX = "{dl}";

/** What is stored as a job's data: the payload, and the request that caused it. */
export const Envelope = z.object({ payload: z.unknown(), requestId: z.string().optional() });

export type Envelope = z.infer<typeof Envelope>;

/** BullMQ takes no ":" and no bare integer as an id, and its ids are shared by all jobs of a queue. */
export function jobIdOf<Payload>(job: JobDefinition<Payload>, payload: Payload): string {
  return `${job.name}.${encodeURIComponent(job.id(payload))}`;
}
