import { type Db, reconciliationWalks } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";

/** A page longer than this is somebody else's to go on with. */
const leaseMs = 60_000;

export interface WalkDeps {
  db: Db;
  /** Business time. */
  clock: Clock;
  wallClock: Clock;
}

/** A way through many rows in pages, whose position is kept. `Position` is JSON. */
export interface Walk<Position, Item> {
  name: string;
  /** Between two pages, and from the end to the next beginning. Wall time. */
  stepMs: number;
  restMs: number;
  /** After an installation's beginning. (Default: at once) */
  firstAfterMs?: number;
  /** The page behind a position; `isLast`: there is no more now. */
  read(after: Partial<Position>): Promise<{ items: Item[]; position: Position; isLast: boolean }>;
  /** At its end it begins anew; else it waits for what comes behind its position. */
  isRound: boolean;
  /** At its end, with when it began (wall time). */
  end?(beganAt: Date): Promise<unknown>;
}

/**
 * Takes one page of a walk, where it is due, to `visit`. Several workers share it; a page that a dead one had is taken
 * again, so `visit` may see an item twice.
 */
export async function takeWalkStep<Position extends object, Item>(
  { db, wallClock }: Pick<WalkDeps, "db" | "wallClock">,
  walk: Walk<Position, Item>,
  visit: (items: Item[]) => Promise<void>,
): Promise<void> {
  const step = await reconciliationWalks.claimStep<Position>(db, walk.name, {
    leaseMs,
    firstAfterMs: walk.firstAfterMs ?? 0,
  });
  if (step === null) return;
  const startedAt = wallClock.now();
  const { items, position, isLast } = await walk.read(step.position);
  if (items.length > 0) await visit(items);
  const wallNow = wallClock.now();
  const isBeginning = Object.keys(step.position).length === 0;
  const beganAt = isBeginning ? startedAt : (step.beganAt ?? startedAt);
  if (isLast) await walk.end?.(beganAt);
  await reconciliationWalks.updateStep(db, walk.name, {
    position: isLast && walk.isRound ? {} : position,
    beganAt,
    completedAt: isLast ? wallNow : null,
    delayMs: isLast ? walk.restMs : walk.stepMs,
  });
}
