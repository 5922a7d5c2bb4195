import { cycleAt } from "@driftlock/domain";
import type { Course } from "./history.ts";
import { type Place, travelTo } from "./place.ts";

const minuteMs = 60_000;
/** Stripe lists events for 30 days: whoever is away for longer misses what was lost. */
const stripeListsMinutes = 29 * 24 * 60;

/** What a batch does on its way through a course. */
export interface Stages {
  begin(slot: number): void;
  /** Everybody does what is to be done in the slot. */
  act(): Promise<void>;
  /** Lets come in and be worked on what there is, after the acts and after each move of the clock. */
  settle(): Promise<void>;
  sweep(): Promise<void>;
  /** Told before the clock is moved. */
  onTravel?(): void;
}

/** Takes a batch through its slots: it acts, then time passes for all, with a stop just after each renewal. */
export async function liveCourse(course: Course, place: Place, stages: Stages): Promise<void> {
  const { clock } = place.time;
  const slotEnds: Date[] = [];
  let unsweptMinutes = 0;
  for (const [slot, gapMinutes] of course.gapsMinutes.entries()) {
    stages.begin(slot);
    await stages.act();
    await stages.settle();
    unsweptMinutes += gapMinutes;
    if (course.sweeps[slot] === true || unsweptMinutes > stripeListsMinutes) {
      await stages.sweep();
      unsweptMinutes = gapMinutes;
    }
    slotEnds.push(clock.now());
    const until = new Date(clock.now().getTime() + gapMinutes * minuteMs);
    for (const stop of [...renewals(slotEnds, clock.now(), until), until]) {
      stages.onTravel?.();
      await travelTo(place, stop);
      await stages.settle();
    }
  }
}

/** Instants just after what was bought in a slot is due again: whoever is there at the time closes the period in time. */
function renewals(slotEnds: readonly Date[], from: Date, until: Date): Date[] {
  return slotEnds
    .flatMap((end) => [0, 1, 2].map((month) => new Date(cycleAt(end, month).end.getTime() + minuteMs)))
    .filter((stop) => stop > from && stop < until)
    .toSorted((a, b) => a.getTime() - b.getTime());
}
