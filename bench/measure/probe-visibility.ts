import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "pg";
import { createLatencies } from "../generator/latencies.ts";
import { countStoredOf } from "../database.ts";

export interface Visibility {
  probes: number;
  /** From the answer to an event until GET /billing/usage counts it. */
  visibleP50Ms: number | null;
  visibleP99Ms: number | null;
  /** From the answer until Postgres has it. */
  storedP50Ms: number | null;
  storedP99Ms: number | null;
}

interface ProbeOptions {
  url: string;
  serviceKey: string;
  accountId: string;
  sql: Client;
}

const PAUSE_MS = 20;
const RETRY_MS = 100;
const POLL_MS = 10;
const WAIT_MS_MAX = 60_000;

/** Sends one event after another to an account that nobody else uses, and looks how soon each is seen, until `stop`. */
export function probeVisibility({ url, serviceKey, accountId, sql }: ProbeOptions) {
  const visible = createLatencies();
  const stored = createLatencies();
  const headers = { authorization: `Bearer ${serviceKey}`, "content-type": "application/json" };
  /** When each probe was answered, in their order. */
  const acceptedAtMs: number[] = [];
  let isStopped = false;

  async function call(path: string, init: RequestInit): Promise<unknown> {
    const response = await fetch(`${url}${path}`, { ...init, headers });
    if (response.status === 503) {
      await response.body?.cancel();
      await delay(RETRY_MS);
      return call(path, init);
    }
    if (!response.ok) throw new Error(`${path} answers the probe ${response.status}`);
    return response.json();
  }

  async function countVisible(): Promise<number> {
    const usage = (await call(`/billing/usage?accountId=${accountId}`, {})) as {
      metrics: { metric: string; used: number }[];
    };
    return usage.metrics.find(({ metric }) => metric === "events")?.used ?? 0;
  }

  function checkAge(sinceMs: number | undefined): void {
    if (performance.now() - (sinceMs ?? 0) > WAIT_MS_MAX)
      throw new Error("an accepted event of the probe is not seen");
  }

  async function sendProbes(): Promise<void> {
    while (!isStopped) {
      const body = JSON.stringify({ id: randomUUID(), metric: "events", accountId });
      await call("/billing/usage", { method: "POST", body });
      const sinceMs = performance.now();
      acceptedAtMs.push(sinceMs);
      while ((await countVisible()) < acceptedAtMs.length) checkAge(sinceMs);
      visible.add(performance.now() - sinceMs);
      await delay(PAUSE_MS);
    }
  }

  async function watchStored(): Promise<void> {
    let seen = 0;
    while (!isStopped || seen < acceptedAtMs.length) {
      const count = await countStoredOf(sql, accountId);
      const nowMs = performance.now();
      for (; seen < Math.min(count, acceptedAtMs.length); seen++)
        stored.add(nowMs - (acceptedAtMs[seen] ?? nowMs));
      if (seen < acceptedAtMs.length) checkAge(acceptedAtMs[seen]);
      await delay(POLL_MS);
    }
  }

  const running = Promise.all([sendProbes(), watchStored()]);
  running.catch(() => {}); // told by `stop`
  return {
    async stop(): Promise<Visibility> {
      isStopped = true;
      await running;
      return {
        probes: acceptedAtMs.length,
        visibleP50Ms: visible.percentile(50),
        visibleP99Ms: visible.percentile(99),
        storedP50Ms: stored.percentile(50),
        storedP99Ms: stored.percentile(99),
      };
    },
  };
}
