import { randomBytes } from "node:crypto";
import type { SimContext } from "./context.ts";
import { createEmitter } from "./events/emit.ts";
import type { Contract } from "./http/contract.ts";
import type { TransactionalStore } from "./store.ts";

export interface RequestMeta {
  requestId: string;
  idempotencyKey: string | null;
}

/** The one place where state changes: every request and every timer runs as a transaction of it. */
export interface Simulation {
  store: TransactionalStore;
  /** Simulated unix milliseconds: wall clock plus the clock's offset. */
  nowMs(): number;
  wallNowMs(): number;
  baseUrl: string;
  /** Runs `work` in one transaction; `request` is what its events name as their cause (null for timers). */
  transact<T>(request: RequestMeta | null, work: (ctx: SimContext) => T): T;
  /** Runs `look` against the present state; it must not write. */
  read<T>(look: (ctx: SimContext) => T): T;
  /** Called after each transaction that went through, with the deliveries it made: there may be new due instants. */
  onCommit(listener: (deliveryIds: string[]) => void): void;
}

/** `wallNow` is the wall clock; the simulated offset to it is kept in the store. */
export function createSimulation(deps: {
  store: TransactionalStore;
  wallNow: () => Date;
  baseUrl: string;
  contract: Contract;
}): Simulation {
  const { store } = deps;
  const listeners: ((deliveryIds: string[]) => void)[] = [];
  const wallNowMs = () => deps.wallNow().getTime();
  const nowMs = () => wallNowMs() + (store.get("sim.clock", "clock")?.offsetMs ?? 0);
  const now = () => Math.floor(nowMs() / 1000);
  const base = { store, now, newId, baseUrl: deps.baseUrl };
  const refuse = () => {
    throw new Error("nothing may be emitted outside of a transaction");
  };
  return {
    store,
    nowMs,
    wallNowMs,
    baseUrl: deps.baseUrl,
    onCommit: (listener) => void listeners.push(listener),
    read: (look) => look({ ...base, emit: refuse, emitThin: refuse, redeliver: refuse }),
    transact(request, work) {
      const emitter = createEmitter({ ...base, nowMs, request, contract: deps.contract });
      const result = store.transact(() => work({ ...base, ...emitter }));
      for (const listener of listeners) listener(emitter.deliveryIds);
      return result;
    },
  };
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A new id in Stripe's form: the prefix and 24 letters and digits. */
export const newId = (prefix: string): string =>
  `${prefix}_${[...randomBytes(24)].map((byte) => ALPHABET[byte % ALPHABET.length]).join("")}`;
