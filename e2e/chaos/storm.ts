import { setTimeout as pause } from "node:timers/promises";
import type { Driver } from "@driftlock/devkit";
import { compareStored, differencesOf, type MetricFigures, readFigures, untilDrained } from "./figures.ts";
import { describe, planStrikes } from "./plan-strikes.ts";
import { createProcesses } from "./processes.ts";
import { fate, openLoadAccounts, startPushLoad } from "./push-load.ts";
import { createRandom } from "@driftlock/runtime";
import { startSibling } from "./sibling.ts";
import { strikeAt } from "./strike.ts";
import { untilReported } from "./until-reported.ts";

const producers = 3;

export interface StormOptions {
  driver: Driver;
  pidFolder: string;
  seed: number;
  kills: number;
  say(line: string): void;
}

export interface StormReport {
  kills: number;
  acknowledged: number;
  refused: number;
  retries: number;
  /** Batches that were taken though nobody was told, and sent again. */
  takenUnanswered: number;
  redisLosses: number;
  /** Acknowledged within the time before a loss of Redis, and lost with it. */
  lostByRedis: number;
  figures: MetricFigures[];
  /** In words, whatever is not as it must be; none where all is well. */
  differences: string[];
}

/**
 * Usage under load with retries while everything dies at random; then everything is compared. Needs a system with
 * DRIFTLOCK_RESTART_MS_MAX set low. Victims and pauses follow from the seed; what is hit at those instants does not.
 */
export async function runStorm({ driver, pidFolder, seed, kills, say }: StormOptions): Promise<StormReport> {
  const { dev } = driver;
  const name = `storm-${seed}`;
  const { limited, billed, accountIds, eventOf } = await openLoadAccounts(driver, name);
  const sibling = startSibling({ app: "usage-aggregator", dev });
  const processes = createProcesses(pidFolder, { "usage-aggregator-2": sibling.pid });
  const load = startPushLoad({
    ...{ urls: [dev.apiUrl], serviceKey: dev.serviceKey, prefix: `s${seed}`, producers, eventOf },
    random: createRandom(seed + 1),
  });
  const losses: { fromMs: number; toMs: number }[] = [];
  const freezes: Promise<unknown>[] = [];
  const startedAtMs = Date.now();
  try {
    for (const [index, strike] of planStrikes(createRandom(seed), kills).entries()) {
      await pause(strike.afterMs);
      const tell = (what: string) =>
        say(
          `${((Date.now() - startedAtMs) / 1000).toFixed(1)} s  ${index + 1}. ${describe(strike)}: ${what}`,
        );
      const striking = strikeAt(strike, { processes, databaseUrl: dev.databaseUrl, redisUrl: dev.redisUrl });
      const told = striking.then(({ what, atRisk }) => {
        if (atRisk !== undefined) losses.push(atRisk);
        tell(what);
      });
      if (strike.kind === "freeze") freezes.push(told);
      else await told;
    }
    await Promise.all(freezes);
  } finally {
    await load.stop();
    say(`${((Date.now() - startedAtMs) / 1000).toFixed(1)} s  all answered; waiting until all is committed`);
  }

  try {
    const drained = () => untilDrained(dev);
    await drained();
    const before = await compareStored(dev.databaseUrl, load, accountIds);
    const atRisk = new Set(load.acknowledgedWithin(losses));
    const lostByRedis = before.missing.filter((number) => atRisk.has(number)).length;
    const sentAgain = await load.sendAgain(losses);
    say(
      `${losses.length} losses of Redis's process or data lost ${lostByRedis} of ${atRisk.size} events acknowledged just before; ${sentAgain} sent again`,
    );
    await drained();
    const stored = await compareStored(dev.databaseUrl, load, accountIds);
    const figures = await readFigures(driver, load);
    const reported = await untilReported(driver, billed, stored.ofMetric(billed, "events"));
    const limit = await driver.metric(limited, "events");
    return {
      kills,
      ...countFates(load),
      retries: load.retries(),
      takenUnanswered: load.takenUnanswered(),
      redisLosses: losses.length,
      lostByRedis,
      figures,
      differences: [
        ...load.faults,
        ...load.takenBack
          .filter(
            ({ acknowledgedAtMs: at }) => !losses.some(({ fromMs, toMs }) => fromMs <= at && at <= toMs),
          )
          .map(({ number }) => `event ${number} was taken and is now refused`),
        ...stored.missing.map((number) => `event ${number} was acknowledged and is not stored`),
        ...stored.wrong,
        ...figures.flatMap(differencesOf),
        ...reported,
        ...(limit.limit !== null && limit.used > limit.limit
          ? [`${limited} is over its limit: ${limit.used}`]
          : []),
      ],
    };
  } finally {
    await sibling.stop();
  }
}

function countFates(load: { count(): number; fateOf(number: number): number }) {
  let acknowledged = 0;
  let refused = 0;
  for (let number = 0; number < load.count(); number++) {
    if (load.fateOf(number) === fate.acknowledged) acknowledged += 1;
    else if (load.fateOf(number) === fate.refused) refused += 1;
  }
  return { acknowledged, refused };
}
