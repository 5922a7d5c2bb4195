import { AppError, type FailedJobDto, type Page, type PageQuery, type QueueDto } from "@driftlock/contracts";
import { auditLog, type Db } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { FailedJob, QueueInspector } from "@driftlock/runtime/queue";

interface Deps {
  db: Db;
  clock: Clock;
  inspector: QueueInspector;
}

/** The queues as operators see them. */
export function createOperatorQueues({ db, clock, inspector }: Deps) {
  const listQueues = async (): Promise<Page<QueueDto>> => ({
    data: await inspector.counts(),
    nextCursor: null,
  });

  /** Latest first. The cursor is a place in the list: jobs that fail meanwhile move it. @throws NOT_FOUND. */
  const listFailedJobs = async (queue: string, { limit, cursor }: PageQuery): Promise<Page<FailedJobDto>> => {
    const offset = readOffset(cursor);
    const jobs = await inspector.listFailed(queue, { offset, limit: limit + 1 });
    return {
      data: jobs.slice(0, limit).map(toFailedJobDto),
      nextCursor: jobs.length > limit ? String(offset + limit) : null,
    };
  };

  /** The audit row is first: an attempt that is not written down is not made. @throws NOT_FOUND. */
  const retryFailedJob = async (actor: string, queue: string, jobId: string): Promise<void> => {
    const entry = { actor, action: "job.retried", target: `${queue}/${jobId}`, detail: {}, now: clock.now() };
    await auditLog.insertAuditEntry(db, entry);
    await inspector.retryFailed(queue, jobId);
  };

  return { listQueues, listFailedJobs, retryFailedJob };
}

function readOffset(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (/^\d{1,9}$/.test(cursor)) return Number(cursor);
  const message = "must be a nextCursor that this list gave";
  throw new AppError("INVALID", `cursor: ${message}`, {
    extensions: { errors: [{ path: "query.cursor", message }] },
  });
}

const toFailedJobDto = ({ addedAt, failedAt, ...job }: FailedJob): FailedJobDto => ({
  ...job,
  addedAt: addedAt.toISOString(),
  failedAt: failedAt?.toISOString() ?? null,
});
