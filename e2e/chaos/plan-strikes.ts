import type { Random } from "@driftlock/runtime";

/** One blow; `afterMs` from the one before. */
export type Strike = { afterMs: number } & (
  | { kind: "kill"; victim: string }
  /** The gateway, at the moment at which Redis has taken events that nobody was told of yet. */
  | { kind: "kill-unanswered" }
  /** Everything else goes on meanwhile. */
  | { kind: "freeze"; victim: string; ms: number }
  /** The session of a COPY of records, ended by Postgres. */
  | { kind: "cut-copy" }
  /** FLUSHALL. */
  | { kind: "flush" }
);

/** Each as often as it stands here: what usage runs through is hit more. */
const victims = [
  ...["api", "api", "usage-aggregator", "usage-aggregator", "usage-aggregator-2", "redis", "redis"],
  ...["postgres", "postgres", "billing-worker", "webhook-ingester", "stripe-simulator"],
];

/** Longer than an aggregator's lease (6 s): another one has its partitions when it wakes. */
const pastLeaseMs = 8_000;

/** Blows between the kills, one in so many. */
const otherEvery = 4;

/** Follows from the generator alone. The first round hits everybody; `kills` counts what is killed, not what is frozen or cut. */
export function planStrikes(random: Random, kills: number): Strike[] {
  const firstRound = new Set(victims);
  const strikes: Strike[] = [];
  for (let killed = 0; killed < kills; killed++) {
    const afterMs = random.between(200, 3_500);
    const [first] = firstRound;
    if (first !== undefined) {
      const victim = random.pick([...firstRound]);
      firstRound.delete(victim);
      strikes.push({ afterMs, kind: "kill", victim });
    } else if (random.below(victims.length + 2) < 2) strikes.push({ afterMs, kind: "kill-unanswered" });
    else strikes.push({ afterMs, kind: "kill", victim: random.pick(victims) });
    if (killed % otherEvery === otherEvery - 1) strikes.push(otherStrike(random, killed));
  }
  return strikes;
}

function otherStrike(random: Random, killed: number): Strike {
  const afterMs = random.between(100, 1_500);
  // By turns, so that the shortest storm has each of them.
  switch (Math.floor(killed / otherEvery) % 5) {
    case 0:
      return { afterMs, kind: "cut-copy" };
    case 1:
      return { afterMs, kind: "freeze", victim: "usage-aggregator", ms: pastLeaseMs };
    case 2:
      return { afterMs, kind: "kill-unanswered" };
    case 3:
      return { afterMs, kind: "flush" };
    default:
      return {
        afterMs,
        kind: "freeze",
        victim: random.pick(["postgres", "api", "redis"]),
        ms: random.between(1_000, 4_000),
      };
  }
}

/** In words, for the log of a storm. */
export function describe(strike: Strike): string {
  switch (strike.kind) {
    case "kill":
      return `kill -9 ${strike.victim}`;
    case "kill-unanswered":
      return "kill -9 api between Redis's answer and its own";
    case "freeze":
      return `stop ${strike.victim} for ${strike.ms} ms`;
    case "cut-copy":
      return "cut the connection of a COPY";
    case "flush":
      return "FLUSHALL";
  }
}
