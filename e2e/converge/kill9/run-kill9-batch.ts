import { applyStripeEvent, sweepStripeEvents, syncStripeObject } from "@driftlock/contracts";
import { stripeEvents } from "@driftlock/db";
import { until } from "@driftlock/devkit";
import { createLogger, Lifecycle } from "@driftlock/runtime";
import { createProducer, createQueueInspector, type QueueInspector } from "@driftlock/runtime/queue";
import { findProgress } from "../../../apps/billing-worker/src/find-progress.ts";
import { judge } from "../judge/judge.ts";
import { liveCourse } from "../live-course.ts";
import { type Stores, travelTo } from "../place.ts";
import { createResident } from "../resident.ts";
import type { Batch, Verdict } from "../run-batch.ts";
import { type Installation, startInstallation } from "./processes.ts";
import { createReaper, type Reaper } from "./reaper.ts";
import type { Ruin } from "./ruin.ts";
import { watchSigns } from "./watch-signs.ts";

const log = createLogger({ name: "converge", level: "silent" });
const queues = [applyStripeEvent.queue, syncStripeObject.queue];
/** As the worker's on the simulator (its compose.ts). */
const simulatedLatenessMs = 1_000;

/** Everything else that Stripe does is done in the same thread meanwhile. */
const actingAtOnce = 4;
/** Time goes on whoever is still dead, or has work: a killed worker's jobs are another's after some 8 s. */
const settleMsMax = 4_000;
/** Time stands until a sweep has ended: Stripe lists events for 30 days, and the next one may come 29 days later. */
const sweptMsMax = 300_000;
/** Longer than it takes until all that a dead process held is another's, and lost jobs are found by the sweep. */
const restMsMax = 150_000;
/** As long as a delivery can be late. */
const lateDaysMax = 9;
const dayMs = 24 * 3_600_000;

export interface RuinedVerdict {
  verdicts: Verdict[];
  /** How often each process was killed. */
  killed: Readonly<Record<string, number>>;
}

/** Lives these histories against processes that are killed, to their end, and judges each. */
export async function runKill9Batch(
  { course, histories }: Batch,
  { ruin, stores, logFolder }: { ruin: Ruin; stores: Stores; logFolder: string },
): Promise<RuinedVerdict> {
  const life = new Lifecycle();
  try {
    const place = await startInstallation(life, { stores, course, ruin, logFolder });
    const reaper = createReaper(ruin.kills, place.processes);
    const unwatch = watchSigns({
      simulatorPort: place.simulator.port,
      ingesterUrl: place.ingesterUrl,
      ownerOf: place.ownerOf,
      onAsked: (who) => reaper.see("asked", who),
      onAnswered: (who) => reaper.see("answered", who),
      onDelivery: () => reaper.see("delivery", "webhook-ingester"),
      onDelivered: () => reaper.see("delivered", "webhook-ingester"),
    });
    life.own("signs", unwatch, (end) => end());
    life.own("reaper", reaper, (open) => open.stop());
    const inspector = life.own(
      "queue inspector",
      createQueueInspector({ connection: place.redis, queues, log }),
      (open) => open.close(),
    );
    const producer = life.own("producer", createProducer({ connection: place.redis, log }), (open) =>
      open.close(),
    );
    const residents = histories.map((history, index) => createResident({ place, history, index }));
    for (const resident of residents) await resident.open();
    const addSweep = () => producer.add(sweepStripeEvents, {});
    const running = { place, residents, ruin, reaper, inspector, addSweep };
    await live(running, course);
    const differences = await judgeAtRest(running);
    return {
      verdicts: residents.map(({ taken }, index) => ({ differences: differences[index] ?? [], taken })),
      killed: reaper.killed,
    };
  } finally {
    await life.close();
  }
}

interface Running {
  place: Installation;
  residents: readonly ReturnType<typeof createResident>[];
  ruin: Ruin;
  reaper: Reaper;
  inspector: QueueInspector;
  addSweep(): Promise<void>;
}

async function live(running: Running, course: Batch["course"]): Promise<void> {
  const { place, residents, reaper } = running;
  let slot = 0;
  const onTravel = () => reaper.see("travel", null);
  const settle = () => waitAtMost(settleMsMax, () => isIdle(running));
  await liveCourse(course, place, {
    begin(next) {
      slot = next;
      reaper.begin(slot);
    },
    act: async () => {
      await setWebhookFaults(running, slot);
      const onActed = () => reaper.see("act", null);
      const waiting = [...residents];
      const actNext = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
          await next.act(slot, onActed);
      };
      await Promise.all(Array.from({ length: actingAtOnce }, actNext));
    },
    settle,
    sweep: () => sweep(running),
    onTravel,
  });
  // What is late arrives, and whoever is killed now has nothing but the sweep after it.
  slot = course.gapsMinutes.length;
  reaper.begin(slot);
  await setWebhookFaults(running, slot);
  await sweep(running);
  onTravel();
  await travelTo(place, new Date(place.time.clock.now().getTime() + lateDaysMax * dayMs));
  await settle();
}

/** @throws where it does not come to its end, whoever is killed meanwhile. */
async function sweep({ place, reaper, addSweep }: Running): Promise<void> {
  const since = new Date();
  await addSweep();
  reaper.see("sweep", null);
  const hasEnded = async () => ((await stripeEvents.findStripeEventSweep(place.db))?.sweptAt ?? 0) >= since;
  await until("the sweep has ended", hasEnded, sweptMsMax);
}

/** Sweeps until nobody has anything to do and all is as Stripe says, or for so long. @returns what differs then. */
async function judgeAtRest(running: Running): Promise<string[][]> {
  const { place, residents } = running;
  const giveUpAtMs = performance.now() + restMsMax;
  for (;;) {
    await sweep(running);
    await waitAtMost(giveUpAtMs - performance.now(), () => isIdle(running));
    const failed = await findFailed(running);
    const judged = residents.map((resident, index) => ({ ...resident, failed: index === 0 ? failed : [] }));
    const differences = await judge(place, judged);
    if (differences.every((each) => each.length === 0) || performance.now() > giveUpAtMs) return differences;
  }
}

/** Whether nothing is on its way to the processes, and they have nothing to do. */
async function isIdle({ place, inspector }: Running): Promise<boolean> {
  const { db, time } = place;
  if (await hasDueDeliveries(place)) return false;
  const progress = await findProgress({
    ...{ db, inspector, clock: time.clock },
    ...{ latenessMs: simulatedLatenessMs, gatherMs: simulatedLatenessMs },
  });
  return progress.caughtUpToMs > 0;
}

async function hasDueDeliveries({ simulator, time }: Installation): Promise<boolean> {
  const response = await fetch(`${simulator.url}/_sim/deliveries`);
  const { data } = (await response.json()) as { data: { status: string; nextAttemptAtMs: number | null }[] };
  const soonMs = time.clock.now().getTime() + settleMsMax;
  return data.some(({ status, nextAttemptAtMs }) => status === "pending" && (nextAttemptAtMs ?? 0) <= soonMs);
}

/** The processes follow the clock without being waited for: whoever is dead, or slow, does it late. */
async function setWebhookFaults({ place, ruin }: Running, slot: number): Promise<void> {
  const url = `${place.simulator.url}/_sim/faults`;
  await fetch(url, { method: "DELETE" });
  const faults = ruin.webhookFaults.filter((fault) => fault.slot === slot);
  for (const fault of [{ kind: "no-holding" }, ...faults])
    await fetch(url, { method: "POST", body: JSON.stringify({ ...fault, count: null }) });
}

/**
 * Events whose job has failed for good, and that are not recorded. Told with the first history: of a job it is not known
 * whose it was. What is not of an event is a row until it is done.
 */
async function findFailed({ place, inspector }: Running): Promise<string[]> {
  const jobs = await inspector.listFailed(applyStripeEvent.queue, { offset: 0, limit: 1_000 });
  const reasons = new Map(
    jobs.map(({ payload, reason }) => [applyStripeEvent.payload.parse(payload).eventId, reason]),
  );
  const unknown = await stripeEvents.listUnknownStripeEvents(place.db, [...reasons.keys()]);
  return unknown.map((eventId) => `${applyStripeEvent.name} ${eventId}: ${reasons.get(eventId)}`);
}

const waitAtMost = async (ms: number, isSo: () => Promise<boolean>): Promise<void> =>
  void (await until("it is so", isSo, ms).catch(() => {}));
