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
const POLL_MS = 5;
const WAIT_MS_MAX = 60_000;

/** Sends one event after another to an account that nobody else uses, and looks how soon each is seen, until `stop`. */
export function probeVisibility({ url, serviceKey, accountId, sql }: ProbeOptions) {
  const visible = createLatencies();
  const stored = createLatencies();
  const headers = { authorization: `Bearer ${serviceKey}`, "content-type": "application/json" };
  let isStopped = false;
  let probes = 0;

  async function call(path: string, init: RequestInit): Promise<unknown> {
    const response = await fetch(`${url}${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path} answers the probe ${response.status}`);
    return response.json();
  }

  async function countVisible(): Promise<number> {
    const usage = (await call(`/billing/usage?accountId=${accountId}`, {})) as {
      metrics: { metric: string; used: number }[];
    };
    return usage.metrics.find(({ metric }) => metric === "events")?.used ?? 0;
  }

  async function untilCounted(count: () => Promise<number>, fromMs: number): Promise<number> {
    while ((await count()) < probes) {
      if (performance.now() - fromMs > WAIT_MS_MAX)
        throw new Error("an accepted event of the probe is not seen");
      await delay(POLL_MS);
    }
    return performance.now() - fromMs;
  }

  const running = (async () => {
    while (!isStopped) {
      const body = JSON.stringify({ id: randomUUID(), metric: "events", accountId });
      await call("/billing/usage", { method: "POST", body });
      probes++;
      const acceptedAtMs = performance.now();
      visible.add(await untilCounted(countVisible, acceptedAtMs));
      stored.add(await untilCounted(() => countStoredOf(sql, accountId), acceptedAtMs));
      await delay(PAUSE_MS);
    }
  })();
  running.catch(() => {}); // told by `stop`
  return {
    async stop(): Promise<Visibility> {
      isStopped = true;
      await running;
      return {
        probes,
        visibleP50Ms: visible.percentile(50),
        visibleP99Ms: visible.percentile(99),
        storedP50Ms: stored.percentile(50),
        storedP99Ms: stored.percentile(99),
      };
    },
  };
}
