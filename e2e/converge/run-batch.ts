import { applyStripeEvent, handledStripeEventTypes, type StripeHint } from "@driftlock/contracts";
import { Lifecycle } from "@driftlock/runtime";
import type { Producer } from "@driftlock/runtime/queue";
import { readWebhook, stripeHintOf, type Stripe } from "@driftlock/stripe";
import type { Course, History } from "./history.ts";
import { judge } from "./judge/judge.ts";
import { createLife, type Life } from "./life.ts";
import { liveCourse } from "./live-course.ts";
import type { Stores } from "./place.ts";
import { sendReports } from "./store-usage.ts";
import { openWorld, type World } from "./world.ts";

export interface Batch {
  course: Course;
  histories: readonly History[];
}

export interface Verdict {
  /** What is not as it should be; empty where all is. */
  differences: string[];
  /** How often each action was taken, and how often Stripe refused it. */
  taken: Readonly<Record<string, number>>;
}

/** Longer than any row waits for its next try. */
const wallStepMs = 61_000;
const roundsMax = 24;

/** Lives these histories side by side, to their end, and judges each. */
export async function runBatch({ course, histories }: Batch, stores: Stores): Promise<Verdict[]> {
  const life = new Lifecycle();
  try {
    const owners = new Map<string, Life>();
    const world = await openWorld(life, { stores, course, producer: produceFor(owners) });
    const lives = histories.map((history, index) => createLife({ world, history, index, owners }));
    for (const each of lives) await each.open();
    const batch = { world, lives, owners, course, histories, newEvents: await openEventsList(world.stripe) };
    await live(batch);
    const differences = await judge(world, lives);
    return lives.map((each, index) => ({ differences: differences[index] ?? [], taken: each.taken }));
  } finally {
    await life.close();
  }
}

interface Running {
  world: World;
  lives: readonly Life[];
  owners: Map<string, Life>;
  course: Course;
  histories: readonly History[];
  newEvents: () => Promise<Stripe.Event[]>;
}

async function live(batch: Running): Promise<void> {
  const { world, lives, course, histories } = batch;
  const begin = (slot: number): void => {
    for (const life of lives) life.begin(slot);
  };
  await liveCourse(course, world, {
    begin,
    act: async () => void (await each(lives, (life) => life.act())),
    settle: () => settle(batch),
    sweep: () => sweep(batch),
  });
  // What is still on its way arrives, days late.
  const last = course.gapsMinutes.length;
  begin(last);
  await settle(batch, { isLast: true });
  // Each fault can lose what one sweep has found; the next finds it again.
  for (let left = faultsMax(histories, last); left >= 0; left--) {
    await sweep(batch);
    world.time.passWall(wallStepMs);
  }
  await sweep(batch);
}

/** The most faults that any of the histories has in a slot. */
const faultsMax = (histories: readonly History[], slot: number): number =>
  Math.max(...histories.map(({ faults }) => faults.filter((fault) => fault.slot === slot).length));

/** Rounds of deliveries, jobs and what is due, until nothing more comes of it. */
async function settle(batch: Running, { isLast = false } = {}): Promise<void> {
  const { world, lives } = batch;
  for (let round = 0; round < roundsMax; round++) {
    await takeEvents(batch);
    const runs = await each(lives, (life) => life.pump({ isLast }));
    world.time.passWall(wallStepMs);
    await world.tick();
    const sent = await sendReports(world);
    if (sent === 0 && runs.every((count) => count === 0) && lives.every((life) => !life.isBusy())) return;
  }
}

async function sweep(batch: Running): Promise<void> {
  const { world } = batch;
  const { processors, context } = world;
  await processors.get("sweep-stripe-events")?.run({}, { ...context, attempt: 1, requestId: undefined });
  await settle(batch, { isLast: true });
}

async function takeEvents({ owners, newEvents }: Running): Promise<void> {
  for (const event of await newEvents()) {
    const hint = stripeHintOf(readWebhook(event));
    const owner = ownerOf(owners, event, hint);
    if (owner === undefined) continue;
    if (hint.objectId !== null) owners.set(hint.objectId, owner);
    if (handledStripeEventTypes.some((type) => type === hint.type)) owner.receive(hint);
  }
}

function ownerOf(owners: Map<string, Life>, { data }: Stripe.Event, hint: StripeHint): Life | undefined {
  const { charge, payment_intent } = data.object as { charge?: string; payment_intent?: string };
  for (const id of [hint.customerId, hint.objectId, charge, payment_intent]) {
    const owner = owners.get(id ?? "");
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** Stripe's events as they come to be, the oldest first. */
async function openEventsList(stripe: Stripe): Promise<() => Promise<Stripe.Event[]>> {
  let last = (await stripe.events.list({ limit: 1 })).data[0]?.id ?? "";
  return async () => {
    const found: Stripe.Event[] = [];
    for (;;) {
      const page: Stripe.ApiList<Stripe.Event> = await stripe.events.list({
        limit: 100,
        ending_before: last,
      });
      found.push(...page.data.toReversed());
      last = page.data[0]?.id ?? last;
      if (!page.has_more) return found;
    }
  };
}

/** Jobs go to the queue of whom they are about. */
function produceFor(owners: ReadonlyMap<string, Life>): Producer {
  const add: Producer["add"] = async (job, payload, options) => {
    const of = payload as Record<string, string>;
    const names = [of["accountId"], of["changeId"], of["invoiceId"], of["stripeSubscriptionId"]];
    // `adj.<account>. …`
    names.push(of["customerId"], of["objectId"], of["adjustmentId"]?.split(".")[1]);
    const owner = names.map((name) => owners.get(name ?? "")).find((found) => found !== undefined);
    if (owner !== undefined) return owner.add(job, payload, options);
    // Events of the catalogue and of the clock are nobody's.
    if (job.name !== applyStripeEvent.name)
      throw new Error(`the job ${job.name} is nobody's: ${JSON.stringify(payload)}`);
  };
  return {
    add,
    addMany: async (job, additions, options) => {
      for (const { payload } of additions) await add(job, payload, options);
    },
    close: async () => {},
  };
}

const each = <Result>(lives: readonly Life[], work: (life: Life) => Promise<Result>): Promise<Result[]> =>
  Promise.all(lives.map(work));
