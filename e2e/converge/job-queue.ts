import {
  applyStripeEvent,
  isRetryable,
  type JobDefinition,
  planChange,
  syncStripeObject,
} from "@driftlock/contracts";
import type { Random } from "@driftlock/runtime";
import type { AddOptions, JobContext, Processor } from "@driftlock/runtime/queue";
import { createRun, type Run, runGated } from "./gate.ts";
import type { Fault } from "./history.ts";

interface Waiting {
  name: string;
  /** The job's identity: the same work waiting or running is one job. */
  key: string;
  payload: unknown;
  attempt: number;
}

interface Held extends Waiting {
  run: Run;
  done: Promise<void>;
  isTakenOver: boolean;
  slot: number;
}

export interface QueueDeps {
  processors: ReadonlyMap<string, Processor>;
  context: Pick<JobContext, "log" | "signal">;
  random: Random;
  slot(): number;
  /** What happens to the run that begins now. */
  nextFault(): Fault | null;
  /** What a dead or stalled holder holds is free once its time is over. */
  endLeases(keys: readonly string[]): Promise<void>;
}

const attemptsMax = 6;
/** Jobs that need the lease of the customer. */
const leasing: readonly string[] = [syncStripeObject.name, planChange.name];

/**
 * The jobs of one customer, as BullMQ keeps them: at least once, in no promised order, the same work once at a time;
 * one that died or broke off is run again, one that stalled is run again beside its first run. What BullMQ holds in
 * Redis lies in memory here: it is transport, and faults take from it whatever they like.
 */
export function createJobQueue(deps: QueueDeps) {
  const { processors, context, random } = deps;
  let waiting: Waiting[] = [];
  let held: Held[] = [];
  /** Added while they ran: to be run once more. */
  const again = new Map<string, Waiting>();
  const active = new Set<string>();
  const failed: string[] = [];

  const add = <Payload>(job: JobDefinition<Payload>, payload: Payload, { deduplicate }: AddOptions = {}) => {
    const added: Waiting = {
      name: job.name,
      key: `${job.name} ${job.id(payload)}`,
      payload: job.name === applyStripeEvent.name ? [payload] : payload,
      attempt: 1,
    };
    if (waiting.some(({ key }) => key === added.key)) return;
    if (!active.has(added.key)) waiting.push(added);
    else if (deduplicate === "keep-last-if-active") again.set(added.key, added);
  };

  async function run(job: Waiting): Promise<void> {
    const fault = deps.nextFault();
    if (fault?.how === "lose") return;
    const processor = processors.get(job.name);
    if (processor === undefined) throw new Error(`there is no processor of ${job.name}`);
    const running = createRun(fault);
    active.add(job.key);
    const done = runGated(running, () =>
      processor.run(job.payload, { ...context, attempt: job.attempt, requestId: undefined }),
    );
    const isHeldUp = await Promise.race([
      done.then(
        () => false,
        () => false,
      ),
      running.heldUp.then(() => true),
    ]);
    if (!isHeldUp) return end(job, running, done);
    const isTakenOver = fault?.how === "stall";
    held.push({ ...job, run: running, done, isTakenOver, slot: deps.slot() });
    if (!isTakenOver) return;
    await deps.endLeases(running.leases);
    active.delete(job.key);
    waiting.push(job);
  }

  async function end(job: Waiting, running: Run, done: Promise<void>): Promise<void> {
    active.delete(job.key);
    const error = await done.then(
      () => null,
      (thrown: Error) => thrown,
    );
    const rerun = again.get(job.key);
    again.delete(job.key);
    if (running.isDead) await deps.endLeases(running.leases);
    // A process that died has not counted its attempt.
    if (running.isDead) put(job);
    else if (error === null) {
      if (rerun !== undefined) put(rerun);
    } else if (isRetryable(error) && job.attempt < attemptsMax) put({ ...job, attempt: job.attempt + 1 });
    else {
      failed.push(`${job.key}: ${error.stack}`);
      if (rerun !== undefined) put(rerun);
    }
  }

  /** Events that wait at once are recorded together, in parts that vary. */
  const together = (job: Waiting): Waiting[] =>
    job.name === applyStripeEvent.name
      ? waiting.filter(({ name }) => name === job.name).slice(0, random.between(1, 8))
      : [job];

  const put = (job: Waiting): void => {
    if (!waiting.some(({ key }) => key === job.key)) waiting.push(job);
  };

  /** A run that is held up has the customer's lease: whoever needs it waits. */
  const canRun = ({ name }: Waiting): boolean =>
    !leasing.includes(name) || held.every(({ isTakenOver }) => isTakenOver);

  return {
    add,
    failed,
    waitingCount: () => waiting.length,
    /** Runs what waits and can run. @returns how many runs there were. */
    async drain(): Promise<number> {
      for (let runs = 0; ; runs++) {
        const runnable = waiting.filter(canRun);
        if (runnable.length === 0) return runs;
        if (runs > 500) throw new Error(`jobs without an end: ${runnable.map(({ key }) => key).join(", ")}`);
        const chosen = together(random.pick(runnable.slice(0, 3)));
        waiting = waiting.filter((each) => !chosen.includes(each));
        await run(merged(chosen));
      }
    },
    /** Lets go on what was held up before this slot. */
    async resume(slot: number): Promise<void> {
      // First whoever has a lease that the others may ask for.
      const resumed = held
        .filter((each) => each.slot < slot)
        .toSorted((a, b) => Number(a.isTakenOver) - Number(b.isTakenOver));
      held = held.filter((each) => each.slot >= slot);
      for (const job of resumed) {
        job.run.resume();
        if (!job.isTakenOver) await end(job, job.run, job.done);
        // Its job is another's by now: how it ends is nobody's concern.
        else await job.done.catch(() => {});
      }
    },
  };
}

function merged(jobs: readonly Waiting[]): Waiting {
  const [first, ...more] = jobs;
  if (first === undefined) throw new Error("no job was chosen");
  if (more.length === 0) return first;
  return {
    ...first,
    key: jobs.map(({ key }) => key).join(" "),
    payload: jobs.flatMap(({ payload }) => payload as unknown[]),
    attempt: Math.max(...jobs.map(({ attempt }) => attempt)),
  };
}

export type JobQueue = ReturnType<typeof createJobQueue>;
