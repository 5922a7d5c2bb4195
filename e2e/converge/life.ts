import type { StripeHint } from "@driftlock/contracts";
import { applyStripeEvent } from "@driftlock/contracts";
import { createRandom } from "@driftlock/runtime";
import type { Fate, Fault, History } from "./history.ts";
import { createJobQueue, type JobQueue } from "./job-queue.ts";
import { createResident, type Judged } from "./resident.ts";
import type { World } from "./world.ts";

interface Arrival {
  slot: number;
  order: number;
  hint: StripeHint;
}

interface LifeDeps {
  world: World;
  history: History;
  index: number;
  /** Who is meant by an id of an account, a customer or any other object. */
  owners: Map<string, Life>;
}

export interface Life extends Judged {
  taken: Record<string, number>;
  open(): Promise<void>;
  begin(slot: number): void;
  /** What the customer does in this slot. */
  act(): Promise<void>;
  /** Stripe has an event: what becomes of its deliveries is decided now. */
  receive(hint: StripeHint): void;
  /** Delivers what arrives by now, and runs the jobs that there are. @returns how many runs there were. */
  pump(options: { isLast: boolean }): Promise<number>;
  isBusy(): boolean;
  add: JobQueue["add"];
}

const otherVersion = "2024-06-20";

/** One history as it is lived: its customer, its deliveries, its jobs. */
export function createLife({ world, history, index, owners }: LifeDeps): Life {
  let arrivals: Arrival[] = [];
  let slot = 0;
  let runNo = 0;
  let eventNo = 0;

  const nextFault = (): Fault | null => {
    const run = runNo++;
    return history.faults.find((fault) => fault.slot === slot && fault.job === run) ?? null;
  };
  const queue = createJobQueue({
    processors: world.processors,
    context: world.context,
    random: createRandom(history.shuffle),
    slot: () => slot,
    nextFault,
    endLeases: world.endLeases,
  });
  const resident = createResident({
    place: world,
    history,
    index,
    onCustomer: (id) => void owners.set(id, life),
    onAsked: (changeId) => void owners.set(changeId, life),
  });
  const { accountId, customerIds, taken } = resident;
  const deliver = (isLast: boolean): void => {
    const due = arrivals
      .filter((arrival) => isLast || arrival.slot <= slot)
      .toSorted((a, b) => a.order - b.order);
    // A repeat comes after the first is done with: while that waits they are one job.
    const first = new Map(due.toReversed().map((arrival) => [arrival.hint.eventId, arrival]));
    const now = due.filter((arrival) => first.get(arrival.hint.eventId) === arrival);
    arrivals = arrivals.filter((arrival) => !now.includes(arrival));
    for (const { hint } of now) queue.add(applyStripeEvent, hint);
  };

  const life: Life = {
    accountId,
    customerIds,
    taken,
    failed: queue.failed,
    add: queue.add,
    open: async () => {
      owners.set(accountId, life);
      await resident.open();
    },
    begin(next) {
      slot = next;
      runNo = 0;
    },
    act: () => resident.act(slot),
    receive(hint) {
      const fate = history.fates[eventNo++ % Math.max(history.fates.length, 1)];
      for (const later of fate === undefined ? [0] : slotsLater(fate)) {
        const apiVersion = fate?.isOtherVersion === true ? otherVersion : hint.apiVersion;
        arrivals.push({ slot: slot + later, order: fate?.order ?? 0, hint: { ...hint, apiVersion } });
      }
    },
    async pump({ isLast }) {
      deliver(isLast);
      const before = await queue.drain();
      await queue.resume(isLast ? Number.POSITIVE_INFINITY : slot);
      return before + (await queue.drain());
    },
    isBusy: () => queue.waitingCount() > 0 || arrivals.some((arrival) => arrival.slot <= slot),
  };
  return life;
}

const slotsLater = ({ how, slots }: Fate): number[] => {
  switch (how) {
    case "once":
      return [0];
    case "twice":
      return [0, 0];
    case "late":
      return [slots];
    case "lost":
      return [];
    case "again":
      return [0, slots];
  }
};
