import { AppError, reservationEventPrefix, type UsageEvent } from "@driftlock/contracts";
import type { ReservationItem, ReservationRow } from "@driftlock/db";
import {
  commitHeld,
  endHold,
  holdQuantities,
  type ItemStanding,
  partitionOf,
  type RedisClient,
  type ReservationOutcome,
  type ReservationRef,
} from "@driftlock/redis";
import type { Clock } from "@driftlock/runtime";
import { noSuchAccount } from "../auth/credential.ts";
import type { LoadAccounts } from "./account-loader.ts";
import type { BacklogWatch } from "./backlog-watch.ts";
import type { Durability } from "./durability.ts";

export type StepOutcome = { isDone: true; segmentEndsAt: Date } | { isDone: false; items: ItemStanding[] };

/** What a row that says so does in Redis; every step may be repeated. @throws UNAVAILABLE, ACCOUNT_NOT_FOUND. */
export interface ReservationSteps {
  hold(row: ReservationRow): Promise<StepOutcome>;
  /** Resolves once its events are as durable as usage is. @throws BACKLOG_FULL: the row says what is to be done later. */
  commit(row: ReservationRow): Promise<StepOutcome>;
  end(row: Pick<ReservationRow, "accountId" | "reservationNo">): Promise<void>;
}

interface Deps {
  redis: RedisClient;
  clock: Clock;
  wallNow: () => number;
  partitions: number;
  loadAccounts: LoadAccounts;
  durability: Pick<Durability, "keep">;
  backlog: Pick<BacklogWatch, "assertRoom">;
}

/** Counters can be lost again between loading them and the next call; more often in a row is a fault. */
const loadsMax = 5;

export function createReservationSteps(deps: Deps): ReservationSteps {
  const { redis, clock, wallNow, partitions, durability, backlog } = deps;
  type Row = Pick<ReservationRow, "accountId" | "reservationNo">;

  async function loaded(
    { accountId, reservationNo }: Row,
    step: (ref: ReservationRef) => Promise<ReservationOutcome>,
  ): Promise<Exclude<ReservationOutcome, { outcome: "load" }>> {
    const partition = partitionOf(accountId, partitions);
    for (let loads = 0; loads <= loadsMax; loads++) {
      const outcome = await step({
        partition,
        accountId,
        reservationNo,
        nowMs: clock.now().getTime(),
      });
      if (outcome.outcome !== "load") return outcome;
      const unknown = await deps.loadAccounts([accountId]);
      if (unknown.has(accountId)) throw noSuchAccount(accountId);
    }
    throw new AppError("UNAVAILABLE", "The account's usage is not known at the moment; try again.", {
      retryAfterSeconds: 2,
    });
  }

  return {
    hold: async (row) => {
      const expiresAtMs = row.expiresAt.getTime();
      return outcomeOf(
        await loaded(row, (ref) => holdQuantities(redis, ref, { items: row.items, expiresAtMs })),
      );
    },
    commit: async (row) => {
      backlog.assertRoom();
      return durability.keep(async () => {
        const events = commitEvents(row);
        const occurredAtMs = row.committedAt?.getTime() ?? 0;
        const outcome = await loaded(row, (ref) =>
          commitHeld(redis, ref, { events, occurredAtMs, wallNowMs: wallNow() }),
        );
        const partition = partitionOf(row.accountId, partitions);
        const entry = outcome.outcome === "done" ? outcome.entry : null;
        return {
          answer: outcomeOf(outcome),
          entries: entry === null ? [] : [{ ...entry, partition }],
          repeatedIn: () => (entry === null ? [partition] : []),
        };
      });
    },
    end: async (row) => void (await loaded(row, (ref) => endHold(redis, ref))),
  };
}

const outcomeOf = (outcome: Exclude<ReservationOutcome, { outcome: "load" }>): StepOutcome =>
  outcome.outcome === "done"
    ? { isDone: true, segmentEndsAt: new Date(outcome.segmentEndMs) }
    : { isDone: false, items: outcome.items };

/** The event that counts a metric of a commit: a repeat of the commit is a repeat of the event. */
export const commitEventId = (reservationId: string, metric: string): string =>
  `${reservationEventPrefix}${reservationId}:${metric}`;

/** What is used of a metric is one event, of the instant that the commit was decided at; nothing used is none. */
export function commitEvents(row: ReservationRow): UsageEvent[] {
  const { accountId, reservationId, committedItems, committedAt } = row;
  const atMs = committedAt?.getTime() ?? 0;
  return usedItems(committedItems ?? []).map(({ metric, quantity }) => ({
    id: commitEventId(reservationId, metric),
    accountId,
    metric,
    quantity,
    occurredAtMs: atMs,
    receivedAtMs: atMs,
    propertiesJson: null,
  }));
}

export const usedItems = (items: readonly ReservationItem[]): ReservationItem[] =>
  items.filter(({ quantity }) => quantity > 0);
