import { setTimeout as delay } from "node:timers/promises";
import type { Load } from "../rows.ts";
import { createLatencies } from "./latencies.ts";
import { type Body, makeBodies, makePrimingBodies, type Target } from "./make-bodies.ts";
import { type Answer, type Connection, openConnection } from "./open-connection.ts";
import { createRateClock } from "./rate-clock.ts";
import { renewIds } from "./renew-ids.ts";

export interface LoadOrder {
  load: Load;
  target: Target;
  timing: {
    /** At most so long is each account touched for the first time, which costs more, before the warm-up. */
    primeMsMax: number;
    warmUpMs: number;
    measureMs: number;
  };
}

export interface Sent {
  /** As the answers say. */
  accepted: number;
  duplicates: number;
  rejected: number;
  /** Distinct events of requests that were answered 2xx, and their quantity: what has to be stored. */
  distinct: number;
  quantity: number;
  /** Events sent again on purpose, in such requests. */
  repeats: number;
}

export interface LoadReport {
  /** From the first request to the last answer, and of these what was answered before the measurement began. */
  whole: Sent;
  before: Sent;
  /** Events accepted (or quota checks allowed) in each whole second of the measurement, and in all of it. */
  perSecond: number[];
  measured: number;
  measuredMs: number;
  /** From the intended instant in open loop, else from sending; of requests that began in the measurement. */
  p50Ms: number | null;
  p99Ms: number | null;
  requests: number;
  /** Requests that were sent again, by why: the status that turned them away, or `cut`. */
  retries: Record<string, number>;
  /** Open loop: due in the measurement and not sent before its end, with how long it had waited as its latency. */
  unsent: number;
  /** Statuses that are no success and not sent again: how many, and how the first of them was answered. */
  failures: Record<string, { count: number; text: string }>;
  cpuMicroseconds: number;
}

const nothingSent = (): Sent => ({
  accepted: 0,
  duplicates: 0,
  rejected: 0,
  distinct: 0,
  quantity: 0,
  repeats: 0,
});

const RECONNECT_MS = 100;

interface Slot {
  connection: Connection;
  bodies: Body[];
  nextBody: number;
  body: Body | null;
  fresh: number;
  quantity: number;
  beganAtMs: number;
  /** It sends its request again in a while. */
  isWaiting: boolean;
}

/**
 * Sends a load: an event of every account where there is time, then the warm-up, then the measurement; resolves when all
 * that was sent is answered. A request that is turned away is sent again as it was, as a producer does, until it is taken.
 */
export async function runLoad(
  { load, target, timing: { primeMsMax, warmUpMs, measureMs } }: LoadOrder,
  tell: { measuring(): void; ended(): void },
): Promise<LoadReport> {
  const source = { next: Math.floor(Math.random() * 2 ** 32) };
  const bodies = makeBodies(load, target, Math.random);
  const primers = makePrimingBodies(load, target, Math.random);
  const whole = nothingSent();
  const latencies = createLatencies();
  const failures: LoadReport["failures"] = {};
  const rate = load.requestsPerSecond === null ? null : createRateClock(load.requestsPerSecond);
  let phase: "priming" | "running" | "measuring" | "ended" = "priming";
  let measureFromMs = Number.POSITIVE_INFINITY;
  let perSecond: number[] = [];
  let requests = 0;
  const retries: Record<string, number> = {};
  let busy = 0;
  let onPrimed = () => {};
  let onIdle = () => {};

  const slots = Array.from({ length: load.connections }, (_, index): Slot => {
    const slot: Slot = {
      bodies: bodies.filter((_body, at) => at % load.connections === index),
      nextBody: 0,
      connection: openConnection(target, {
        onAnswer: (answer) => answered(slot, answer),
        onLost: () => void (slot.body && again(slot, "cut", RECONNECT_MS)),
      }),
      body: null,
      fresh: 0,
      quantity: 0,
      beganAtMs: 0,
      isWaiting: false,
    };
    return slot;
  });
  const idle: Slot[] = [];

  function send(slot: Slot, beganAtMs: number): void {
    const body = phase === "priming" ? primers.pop() : slot.bodies[slot.nextBody];
    if (body === undefined) throw new Error("there is no body to send");
    if (phase !== "priming") slot.nextBody = (slot.nextBody + 1) % slot.bodies.length;
    const { fresh, quantity } = renewIds(body, source, load.repeatEvery);
    Object.assign(slot, { body, fresh, quantity, beganAtMs });
    busy++;
    slot.connection.send(body.bytes);
  }

  function again(slot: Slot, why: string, afterMs: number): void {
    if (slot.isWaiting) return; // turned away, and then its connection was cut
    retries[why] = (retries[why] ?? 0) + 1;
    slot.isWaiting = true;
    setTimeout(() => {
      slot.isWaiting = false;
      if (slot.body) slot.connection.send(slot.body.bytes);
    }, afterMs);
  }

  function answered(slot: Slot, answer: Answer): void {
    if (answer.status === 503 || answer.status === 429)
      return again(slot, String(answer.status), Math.max(answer.retryAfterSeconds * 1_000, RECONNECT_MS));
    const nowMs = performance.now();
    const { body, fresh, quantity, beganAtMs } = slot;
    slot.body = null;
    busy--;
    requests++;
    if (answer.status >= 200 && answer.status < 300) {
      const counts = countsOf(body?.route ?? load.route, answer.text);
      whole.accepted += counts.accepted;
      whole.duplicates += counts.duplicates;
      whole.rejected += counts.rejected;
      whole.distinct += fresh;
      whole.quantity += quantity;
      whole.repeats += (body?.idOffsets.length ?? 0) - fresh;
      if (phase === "measuring") {
        const second = Math.floor((nowMs - measureFromMs) / 1_000);
        perSecond[second] = (perSecond[second] ?? 0) + counts.accepted;
      }
    } else (failures[answer.status] ??= { count: 0, text: answer.text }).count++;
    if (beganAtMs >= measureFromMs) latencies.add(nowMs - beganAtMs);
    next(slot, nowMs);
  }

  function next(slot: Slot, nowMs: number): void {
    if (phase === "priming") {
      if (primers.length > 0) return send(slot, nowMs);
      idle.push(slot);
      if (busy === 0) onPrimed();
    } else if (phase === "ended") {
      if (busy === 0) onIdle();
    } else if (rate === null) send(slot, nowMs);
    else {
      const dueAtMs = rate.takeDue(nowMs);
      if (dueAtMs === null) idle.push(slot);
      else send(slot, dueAtMs);
    }
  }

  function sendDue(): void {
    const nowMs = performance.now();
    while (idle.length > 0) {
      const dueAtMs = rate?.takeDue(nowMs) ?? null;
      if (dueAtMs === null) return;
      const slot = idle.pop();
      if (slot !== undefined) send(slot, dueAtMs);
    }
  }

  const isPrimed = new Promise<void>((resolve) => (onPrimed = resolve));
  for (const slot of slots) {
    if (primers.length > 0) send(slot, performance.now());
    else idle.push(slot);
  }
  await Promise.race([isPrimed, delay(primeMsMax)]);
  phase = "running";
  rate?.start(performance.now());
  const timer = rate && setInterval(sendDue, 1);
  if (rate === null) for (const slot of idle.splice(0)) send(slot, performance.now());
  await delay(warmUpMs);

  const before = { ...whole };
  const cpu = process.cpuUsage();
  phase = "measuring";
  measureFromMs = performance.now();
  perSecond = Array.from({ length: Math.floor(measureMs / 1_000) }, () => 0);
  tell.measuring();
  await delay(measureMs);

  const endedAtMs = performance.now();
  const { user, system } = process.cpuUsage(cpu);
  const measured = whole.accepted - before.accepted;
  phase = "ended";
  tell.ended();
  if (timer) clearInterval(timer);
  let unsent = 0;
  for (let due = rate?.takeDue(endedAtMs) ?? null; due !== null; due = rate?.takeDue(endedAtMs) ?? null) {
    unsent++;
    if (due >= measureFromMs) latencies.add(endedAtMs - due);
  }
  const isIdle = new Promise<void>((resolve) => (onIdle = resolve));
  if (busy > 0) await isIdle;
  for (const { connection } of slots) connection.close();
  const measuredMs = endedAtMs - measureFromMs;
  return {
    ...{ whole, before, perSecond: perSecond.slice(0, Math.floor(measureMs / 1_000)), measured, measuredMs },
    ...{ p50Ms: latencies.percentile(50), p99Ms: latencies.percentile(99) },
    ...{ requests, retries, unsent, failures, cpuMicroseconds: user + system },
  };
}

function countsOf(route: Load["route"], text: string): Pick<Sent, "accepted" | "duplicates" | "rejected"> {
  if (route === "quota-check") {
    const isAllowed = text.startsWith('{"allowed":true');
    return { accepted: isAllowed ? 1 : 0, duplicates: 0, rejected: isAllowed ? 0 : 1 };
  }
  const [, accepted, duplicates, rejected] =
    /"accepted":(\d+),"duplicates":(\d+),"rejected":(\d+)/.exec(text) ?? [];
  if (rejected === undefined) throw new Error(`an answer counts nothing: ${text}`);
  return { accepted: Number(accepted), duplicates: Number(duplicates), rejected: Number(rejected) };
}
