import { AsyncLocalStorage } from "node:async_hooks";
import { AppError } from "@driftlock/contracts";
import type { Db, Queryable, Sql, Transaction } from "@driftlock/db";
import type { Producer } from "@driftlock/runtime/queue";
import type { Stripe } from "@driftlock/stripe";
import type { Fault } from "./history.ts";

/** One run of a job, and the await at which something happens to it. */
export interface Run {
  fault: Pick<Fault, "at" | "how"> | null;
  awaits: number;
  /** Nothing of the process works any more: what it holds stays held. */
  isDead: boolean;
  isHeldUp: boolean;
  /** Keys of the leases it has taken. */
  leases: string[];
  /** Resolves when the run is held up. */
  heldUp: Promise<void>;
  hold(): void;
  /** Lets a run that is held up go on. */
  resume(): void;
  resumed: Promise<void>;
}

class Died extends Error {}

export function createRun(fault: Run["fault"]): Run {
  const held = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  return {
    fault,
    awaits: 0,
    isDead: false,
    isHeldUp: false,
    leases: [],
    heldUp: held.promise,
    hold: held.resolve,
    resume: resumed.resolve,
    resumed: resumed.promise,
  };
}

const running = new AsyncLocalStorage<Run>();

/** Runs a job's work so that the gates below know it. */
export const runGated = <T>(run: Run, work: () => Promise<T>): Promise<T> => running.run(run, work);

interface Step<T> {
  call: () => Promise<T>;
  /** What a call that does not get through throws. */
  broken: () => Error;
  /** Within a transaction nothing is held up: the locks of its rows would hold up everything else. */
  isInTransaction?: boolean;
}

async function step<T>({ call, broken, isInTransaction = false }: Step<T>): Promise<T> {
  const run = running.getStore();
  if (run === undefined) return call();
  if (run.isDead) throw new Died("the process is dead");
  const { fault } = run;
  if (fault === null || run.awaits++ < fault.at) return call();
  const isHeld = fault.how === "pause" || fault.how === "stall";
  if (isHeld && isInTransaction) return call();
  run.fault = null;
  if (isHeld) {
    run.isHeldUp = true;
    run.hold();
    await run.resumed;
    run.isHeldUp = false;
    return call();
  }
  if (fault.how === "die") {
    run.isDead = true;
    throw new Died("the process died here");
  }
  if (fault.how === "lose-answer") await call();
  throw broken();
}

const noPostgres = () => new AppError("UNAVAILABLE", "The connection to Postgres broke.");
const noRedis = () => new AppError("UNAVAILABLE", "The queue does not answer.");

function gateQueries(q: Queryable, isInTransaction: boolean): Queryable {
  const gated =
    <Answer>(call: (name: string, query: Sql) => Promise<Answer>) =>
    (name: string, query: Sql): Promise<Answer> => {
      const run = running.getStore();
      if (run !== undefined && name === "stripeCustomerLeases.updateRenewed" && (run.isDead || run.isHeldUp))
        return Promise.reject(new Died("a process that stands still renews nothing"));
      if (name === "stripeCustomerLeases.updateRenewed") return call(name, query);
      if (name === "stripeCustomerLeases.claim") run?.leases.push(String(query.values[0]));
      return step({ call: () => call(name, query), broken: noPostgres, isInTransaction });
    };
  return {
    rows: gated(q.rows) as Queryable["rows"],
    row: gated(q.row) as Queryable["row"],
    run: gated(q.run),
  };
}

/** A database whose every call is an await at which a run can be hit. */
export const gateDb = (db: Db): Db => ({
  ...db,
  ...gateQueries(db, false),
  transaction: (work) =>
    step({
      call: () =>
        db.transaction((tx) => work({ client: tx.client, ...gateQueries(tx, true) } satisfies Transaction)),
      broken: noPostgres,
    }),
});

export const gateProducer = (producer: Producer): Producer => ({
  ...producer,
  add: (job, payload, options) => step({ call: () => producer.add(job, payload, options), broken: noRedis }),
  addMany: (job, additions, options) =>
    step({ call: () => producer.addMany(job, additions, options), broken: noRedis }),
});

/** The SDK with a gate before each of its calls; what it lists is gated as a whole. */
export function gateStripe(stripe: Stripe): Stripe {
  const { StripeConnectionError } = (stripe.constructor as typeof Stripe).errors;
  const broken = () => new StripeConnectionError({ type: "api_error", message: "The connection broke." });
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, key) {
        const value: unknown = Reflect.get(of, key);
        if (typeof key === "symbol" || key.startsWith("_")) return value;
        if (typeof value === "function" && key !== "constructor")
          return (...given: unknown[]) => gateCall(() => value.apply(of, given), broken);
        return typeof value === "object" && value !== null ? wrap(value) : value;
      },
    });
  return wrap(stripe);
}

/** A call's promise, which for a list can be iterated too; an answer that is lost is the first page's. */
function gateCall(call: () => unknown, broken: () => Error): unknown {
  if (running.getStore() === undefined) return call();
  const listed = step({
    call: async () => {
      const asked = call() as Promise<unknown> & AsyncIterable<unknown>;
      return { pages: asked, answer: await asked };
    },
    broken,
  });
  const answer = listed.then((found) => found.answer);
  // Whoever iterates hears of a failure there.
  answer.catch(() => {});
  return Object.assign(answer, {
    async *[Symbol.asyncIterator]() {
      yield* (await listed).pages;
    },
  });
}
