import {
  AppError,
  type Page,
  type QuarantineDto,
  type QuarantineQuery,
  type UsageEvent,
} from "@driftlock/contracts";
import {
  auditLog,
  type Db,
  type QuarantineRow,
  quarantineReview,
  type Transaction,
  usageReportFailures,
  usageRecords,
} from "@driftlock/db";
import { forgetSeen, partitionOf, type RedisClient } from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import { readCursor, toPage } from "../cursor.ts";
import type { GateDecision, UsageGate } from "../usage/usage-gate.ts";
import { eventOfQuarantine } from "./quarantined-event.ts";

interface Deps {
  db: Db;
  redis: RedisClient;
  clock: Clock;
  /** Unix milliseconds of transport time. */
  wallNow: () => number;
  gate: UsageGate;
  partitions: number;
}

/** What was set aside, as operators see and decide it. */
export function createOperatorQuarantine({ db, redis, clock, wallNow, gate, partitions }: Deps) {
  const listQuarantined = async (query: QuarantineQuery): Promise<Page<QuarantineDto>> => {
    const { limit, cursor, accountId = null, reason = null, state = null } = query;
    const page = { accountId, reason, state, limit: limit + 1, after: readCursor(cursor) };
    return toPage(await quarantineReview.listQuarantined(db, page), limit, {
      position: (row) => ({ at: row.quarantinedAt, id: String(row.quarantineId) }),
      item: toQuarantineDto,
    });
  };

  /**
   * Sends an event in again under its own id, past the policy that held it back. It counts once however often this is
   * repeated: what is stored already is not sent, and what is sent twice is stored once. Where the process dies on the way
   * the event stays open, and the next call goes on. A report that Stripe could not count is released instead.
   * @throws NOT_FOUND, QUARANTINE_SETTLED, EVENT_CONFLICT, and what the event itself is refused with.
   */
  const replayQuarantined = async (actor: string, quarantineId: number): Promise<QuarantineDto> => {
    const event = await db.transaction((tx) => beginReplay(tx, actor, quarantineId));
    if (event !== null) {
      const partition = partitionOf(event.accountId, partitions);
      await forgetSeen(redis, { partition, event, wallNowMs: wallNow() });
      const [decision] = (await gate.decide([event], "each")).decisions;
      if (!isIn(decision)) {
        await quarantineReview.updateQuarantineRefused(db, quarantineId);
        throw refusalOf(event, decision);
      }
      await quarantineReview.updateQuarantineReplayed(db, quarantineId, clock.now());
    }
    return db.transaction(async (tx) => toQuarantineDto(await findRow(tx, quarantineId)));
  };

  /** @returns the event that is to be sent; null where it is in already. */
  async function beginReplay(
    tx: Transaction,
    actor: string,
    quarantineId: number,
  ): Promise<UsageEvent | null> {
    const row = await findRow(tx, quarantineId);
    if (row.discardedAt !== null) throw settled(row);
    if (row.replayedAt !== null) return null;
    const now = clock.now();
    if (row.replayingAt === null) await audit(tx, { actor, action: "quarantine.replayed", row, now });
    if (isReport(row)) {
      // Told again by the aggregator, once Stripe's summaries show that it is missing.
      await usageReportFailures.updateReleased(tx, row.eventId, now);
      await quarantineReview.updateQuarantineReplayed(tx, quarantineId, now);
      return null;
    }
    const event = eventOfQuarantine(row);
    const [known] = await usageRecords.listKnownEvents(tx, [event]);
    if (known?.isSamePayload === false) throw conflict(event);
    await quarantineReview.updateQuarantineReplaying(tx, quarantineId, now);
    if (known === undefined) return event;
    await quarantineReview.updateQuarantineReplayed(tx, quarantineId, now);
    return null;
  }

  /** It stays as it is, and is not counted. A repeat changes nothing. @throws NOT_FOUND, QUARANTINE_SETTLED. */
  const discardQuarantined = (actor: string, quarantineId: number): Promise<QuarantineDto> =>
    db.transaction(async (tx) => {
      const row = await findRow(tx, quarantineId);
      // One that is on its way may be in.
      if (row.replayedAt !== null || row.replayingAt !== null) throw settled(row);
      if (row.discardedAt !== null) return toQuarantineDto(row);
      const now = clock.now();
      await quarantineReview.updateQuarantineDiscarded(tx, quarantineId, now);
      await audit(tx, { actor, action: "quarantine.discarded", row, now });
      return toQuarantineDto({ ...row, discardedAt: now });
    });

  return { listQuarantined, replayQuarantined, discardQuarantined };
}

/** What Stripe could not count: no event, but a report of ours, by its identifier. */
const isReport = (row: QuarantineRow): row is QuarantineRow & { eventId: string } =>
  row.reason.startsWith("stripe:") && row.eventId !== null;

async function findRow(tx: Transaction, quarantineId: number): Promise<QuarantineRow> {
  const row = await quarantineReview.findQuarantinedForUpdate(tx, quarantineId);
  if (row === null) throw new AppError("NOT_FOUND", `Nothing was set aside under ${quarantineId}.`);
  return row;
}

const audit = (
  tx: Transaction,
  { actor, action, row, now }: { actor: string; action: string; row: QuarantineRow; now: Date },
): Promise<number> => {
  const { quarantineId, accountId, eventId, reason } = row;
  const detail = { accountId, eventId, reason };
  return auditLog.insertAuditEntry(tx, { actor, action, target: String(quarantineId), detail, now });
};

const isIn = (decision: GateDecision | undefined): boolean =>
  decision?.verdict === "accepted" || decision?.verdict === "duplicate";

const conflict = ({ id }: UsageEvent) =>
  new AppError("EVENT_CONFLICT", `"${id}" is counted with another metric, quantity or properties.`);

const settled = ({ quarantineId, discardedAt }: QuarantineRow) =>
  new AppError(
    "QUARANTINE_SETTLED",
    `${quarantineId} was ${discardedAt === null ? "sent in again" : "discarded"}; that cannot be taken back.`,
  );

function refusalOf(event: UsageEvent, decision: GateDecision | undefined): AppError {
  switch (decision?.verdict) {
    case "conflict":
      return conflict(event);
    case "unknown-account":
      return new AppError("ACCOUNT_NOT_FOUND", `There is no account "${event.accountId}".`);
    case "period-closed":
      return new AppError("PERIOD_CLOSED", "Its period is closed, and takes nothing more of this metric.");
    case "total-too-large":
      return new AppError("INVALID_EVENT", "The period's total would pass 999,999,999,999,999.");
    default:
      return new AppError(
        "QUOTA_EXCEEDED",
        `It does not fit into what the period allows of ${event.metric}.`,
      );
  }
}

const toQuarantineDto = (row: QuarantineRow): QuarantineDto => ({
  id: String(row.quarantineId),
  accountId: row.accountId,
  eventId: row.eventId,
  metric: row.metric,
  reason: row.reason,
  detail: row.detail,
  event: row.payload,
  state: row.discardedAt !== null ? "discarded" : row.replayedAt !== null ? "replayed" : "open",
  receivedAt: row.receivedAt?.toISOString() ?? null,
  quarantinedAt: row.quarantinedAt.toISOString(),
  replayedAt: row.replayedAt?.toISOString() ?? null,
  discardedAt: row.discardedAt?.toISOString() ?? null,
});
