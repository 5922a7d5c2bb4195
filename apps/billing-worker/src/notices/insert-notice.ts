import { createHash } from "node:crypto";
import type { NoticeType } from "@driftlock/contracts";
import { notices, type Transaction } from "@driftlock/db";

export interface NewNotice {
  accountId: string;
  type: NoticeType;
  /** Names the settled step, for example `invoice.paid.in_123`: a step that is inserted again is told once. */
  dedupeKey: string;
  data: Record<string, unknown>;
  now: Date;
}

/**
 * Puts a notice in the outbox, in the transaction of what it tells, with one delivery for each endpoint that the
 * account has at that moment.
 * @returns false when the step was told before.
 */
export const insertNotice = (tx: Transaction, notice: NewNotice): Promise<boolean> =>
  notices.insertNotice(tx, { ...notice, noticeId: noticeIdOf(notice.dedupeKey) });

// Derived, so that the same step has the same id wherever it is told from.
const noticeIdOf = (dedupeKey: string): string =>
  `ntc_${createHash("sha256").update(dedupeKey).digest("base64url").slice(0, 24)}`;
