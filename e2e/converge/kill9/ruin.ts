import { createRandom, type Random } from "@driftlock/runtime";

export const victims = [
  "billing-worker-1",
  "billing-worker-2",
  "webhook-ingester",
  "usage-aggregator",
] as const;
export type Victim = (typeof victims)[number];

/** What is counted within a slot, and can be the moment of a kill. */
export const signs = ["act", "travel", "sweep", "delivery", "delivered", "asked", "answered"] as const;
export type Sign = (typeof signs)[number];

/** One process is killed `afterMs` after the `nth` sign of its kind in a slot; 0 is at once, before anything follows. */
export interface Kill {
  slot: number;
  sign: Sign;
  nth: number;
  afterMs: number;
  /** Null: whoever takes the delivery, or asks Stripe. */
  victim: Victim | null;
}

/** Of the simulator: deliveries of a slot are lost, doubled, or come late by Stripe's clock, each `every`-th. */
export interface WebhookFault {
  slot: number;
  kind: "drop-webhook" | "duplicate-webhook" | "delay-webhook" | "reorder-webhooks";
  every: number;
  delayMs: number;
}

/** All that goes wrong for a batch. */
export interface Ruin {
  kills: Kill[];
  webhookFaults: WebhookFault[];
  /** Stripe posts to a second endpoint of another API version too, as while an upgrade is made. */
  isInTwoVersions: boolean;
  /** How many workers there are. */
  workers: 1 | 2;
}

const killsOfSlotMax = 3;
const second = 1_000;
const hour = 3_600 * second;
const day = 24 * hour;

/** How many signs of a kind a customer gives in a slot, about: what is beyond it never comes. */
const signsOfCustomer: Readonly<Record<Sign, number>> = {
  act: 0.5,
  travel: 0,
  sweep: 0,
  delivery: 3,
  delivered: 3,
  asked: 4,
  answered: 4,
};

/** The same arguments are the same ruin. */
export function drawRuin(of: { seed: number; batchNo: number; size: number; slots: number }): Ruin {
  const random = createRandom((of.seed * 1_000_003 + of.batchNo) | 0);
  const workers = random.pick([1, 2] as const);
  const kills: Kill[] = [];
  const webhookFaults: WebhookFault[] = [];
  // What goes wrong in the last is made good by nothing but the sweep.
  for (let slot = 0; slot <= of.slots; slot++) {
    for (let left = random.between(1, killsOfSlotMax); left > 0; left--)
      kills.push(drawKill(random, { slot, size: of.size, workers, isLast: slot === of.slots }));
    for (let left = random.between(0, 3); left > 0; left--) webhookFaults.push(drawFault(random, slot));
  }
  return { kills, webhookFaults, isInTwoVersions: random.below(3) === 0, workers };
}

function drawKill(
  random: Random,
  { slot, size, workers, isLast }: { slot: number; size: number; workers: number; isLast: boolean },
): Kill {
  const sign = random.pick(isLast ? (["travel", "sweep", "delivery", "answered", "asked"] as const) : signs);
  const nth = random.between(1, Math.max(1, Math.round(size * signsOfCustomer[sign])));
  const runs = victims.filter((each) => workers === 2 || each !== "billing-worker-2");
  switch (sign) {
    case "act":
    case "travel":
    case "sweep":
      return { slot, sign, nth, afterMs: random.between(0, 1_500), victim: random.pick(runs) };
    case "delivery":
    case "asked":
      return { slot, sign, nth, afterMs: 0, victim: null };
    case "delivered":
      return { slot, sign, nth, afterMs: random.pick([0, 20, 200]), victim: random.pick(runs) };
    case "answered":
      return { slot, sign, nth, afterMs: random.pick([0, 1, 2, 4, 8, 16, 40]), victim: null };
  }
}

const drawFault = (random: Random, slot: number): WebhookFault => ({
  slot,
  kind: random.pick(["drop-webhook", "duplicate-webhook", "delay-webhook", "reorder-webhooks"]),
  every: random.between(1, 6),
  delayMs: random.pick([2 * second, 10 * second, hour, 6 * hour, day, 3 * day, 8 * day]),
});
