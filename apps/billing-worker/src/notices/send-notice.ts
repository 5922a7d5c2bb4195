import type { NoticePayload } from "@driftlock/contracts";
import { type Db, notices } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { JobContext } from "@driftlock/runtime/queue";
import { Webhook } from "standardwebhooks";
import { backoffMs } from "./backoff.ts";
import type { CountAttempt } from "./observe-notices.ts";
import { postNotice, TargetRefusedError } from "./post-notice.ts";

const second = 1000;

interface Deps {
  db: Db;
  /** Signatures and backoff are transport: the receiver checks the wall clock. */
  wallClock: Clock;
  allowsLoopback: boolean;
  count: CountAttempt;
}

export type SendNotice = (
  of: { noticeId: string; endpointId: string },
  context: Pick<JobContext, "log" | "signal">,
) => Promise<void>;

/**
 * Sends one notice to one endpoint, signed by Standard Webhooks. A repeat after a crash has the same `webhook-id`, by which
 * the receiver knows it. Whatever the receiver does, this resolves: what failed is due again in notice_deliveries.
 */
export function createSendNotice({ db, wallClock, allowsLoopback, count }: Deps): SendNotice {
  return async (of, { log, signal }) => {
    const delivery = await notices.findPendingDelivery(db, of);
    if (delivery === null) return;
    const sentAt = wallClock.now();
    const outcome = await attempt(delivery, { sentAt, allowsLoopback, signal });
    signal.throwIfAborted();
    const now = wallClock.now();
    const waitMs = outcome.isFinal ? undefined : backoffMs[delivery.attempts];
    const state = outcome.isDelivered ? "delivered" : waitMs === undefined ? "failed" : "pending";
    await notices.updateDelivery(db, {
      ...of,
      state,
      status: outcome.status,
      error: outcome.error,
      nextAttemptAt: state === "pending" && waitMs !== undefined ? new Date(now.getTime() + waitMs) : null,
      now,
    });
    const fields = { ...of, type: delivery.type, attempt: delivery.attempts + 1, ...outcome };
    const became = ({ delivered: "delivered", pending: "failed", failed: "given-up" } as const)[state];
    count("webhook", became);
    log[state === "delivered" ? "info" : "warn"](fields, `notice.${became}`);
  };
}

interface Attempt {
  isDelivered: boolean;
  /** No other attempt can do better. */
  isFinal: boolean;
  status: number | null;
  error: string | null;
}

async function attempt(
  delivery: notices.NoticeDeliveryRow,
  { sentAt, allowsLoopback, signal }: { sentAt: Date; allowsLoopback: boolean; signal: AbortSignal },
): Promise<Attempt> {
  const { noticeId, type, accountId, createdAt, url, secret } = delivery;
  const payload: NoticePayload = {
    type,
    timestamp: createdAt.toISOString(),
    data: { accountId, ...delivery.data },
  };
  const body = JSON.stringify(payload);
  try {
    const headers = {
      "content-type": "application/json",
      "user-agent": "DriftLock-Notices/1",
      "webhook-id": noticeId,
      "webhook-timestamp": String(Math.floor(sentAt.getTime() / second)),
      "webhook-signature": new Webhook(secret).sign(noticeId, sentAt, body),
    };
    const status = await postNotice({ url, headers, body, allowsLoopback, signal });
    const isDelivered = status >= 200 && status < 300;
    // 410: the receiver says that it is gone for good.
    return {
      isDelivered,
      isFinal: isDelivered || status === 410,
      status,
      error: isDelivered ? null : `answered ${status}`,
    };
  } catch (error) {
    const isFinal = error instanceof TargetRefusedError;
    return {
      isDelivered: false,
      isFinal,
      status: null,
      error: error instanceof Error ? error.message : String(error),
    };
  }
}
