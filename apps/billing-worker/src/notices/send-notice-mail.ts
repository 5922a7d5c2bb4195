import { type Db, noticeMails } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { JobContext } from "@driftlock/runtime/queue";
import { backoffMs } from "./backoff.ts";
import type { SendMail } from "./create-mailer.ts";
import { mailText } from "./mail-text.ts";
import type { CountAttempt } from "./observe-notices.ts";

interface Deps {
  db: Db;
  wallClock: Clock;
  send: SendMail;
  count: CountAttempt;
}

export type SendNoticeMail = (noticeId: string, context: Pick<JobContext, "log">) => Promise<void>;

/**
 * Sends the mail of a notice. Whatever the server does, this resolves: what failed is due again in notice_mails. A repeat
 * after a crash has the same Message-ID.
 */
export function createSendNoticeMail({ db, wallClock, send, count }: Deps): SendNoticeMail {
  return async (noticeId, { log }) => {
    const mail = await noticeMails.findPendingMail(db, noticeId);
    const text = mail && mailText(mail.type, mail.data);
    if (mail === null || text === null) return;
    const outcome = await send({ ...text, to: mail.email, messageId: noticeId });
    const now = wallClock.now();
    const waitMs = outcome.isSent || outcome.isFinal ? undefined : backoffMs[mail.attempts];
    const state = outcome.isSent ? "sent" : waitMs === undefined ? "failed" : "pending";
    const error = outcome.isSent ? null : outcome.error;
    const nextAttemptAt = waitMs === undefined ? null : new Date(now.getTime() + waitMs);
    await noticeMails.updateMail(db, { noticeId, state, error, nextAttemptAt, now });
    const became = ({ sent: "delivered", pending: "failed", failed: "given-up" } as const)[state];
    count("mail", became);
    const fields = {
      noticeId,
      accountId: mail.accountId,
      type: mail.type,
      attempt: mail.attempts + 1,
      error,
    };
    log[outcome.isSent ? "info" : "warn"](fields, `mail.${became}`);
  };
}
