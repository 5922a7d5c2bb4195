import type { Db, PeriodCloseRow } from "@driftlock/db";
import type { RedisClient } from "@driftlock/redis";
import type { Clock, Logger } from "@driftlock/runtime";
import type { Stripe } from "@driftlock/stripe";
import type { PushLimits } from "../periods/push-limits.ts";

export interface CloseDeps {
  db: Db;
  redis: RedisClient;
  stripe: Stripe;
  /** Business time: the watermark, the deadline. */
  clock: Clock;
  /** Transport: when a try is repeated. */
  wallClock: Clock;
  pushLimits: PushLimits;
  /** How long after a period's end its usage may still come in. Business time. */
  latenessMs: number;
}

/**
 * One state of a close. It does its work, which may be repeated, and moves the row in one transaction; `waiting` leaves
 * the row where it is, to be tried again at the time that the step has set.
 */
export type CloseStep = (
  deps: CloseDeps,
  close: PeriodCloseRow,
  log: Logger,
) => Promise<"advanced" | "waiting">;
