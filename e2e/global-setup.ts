import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freeSystemPorts, startSystem } from "@driftlock/devkit";
import type { TestProject } from "vitest/node";

/** Starts one whole system, as `npm start` does, in a home and on ports of its own; stops it after the last test. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), "driftlock-e2e-"));
  // Processes are killed by the dozen, and nobody wants to wait for them.
  const ports = await freeSystemPorts();
  const env = { ...ports, DRIFTLOCK_RESTART_MS_MAX: "200" };
  const running = await startSystem({ home, env, readyWithinMs: 120_000 });
  project.provide("dev", running.dev);
  project.provide("opsUrls", opsUrlsOf(ports));
  project.provide("pidFolder", join(home, "simulator", "pids"));
  return async () => {
    await running.stop();
    await rm(home, { recursive: true, force: true });
  };
}

const opsUrlsOf = (ports: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries({
      api: "API_OPS_PORT",
      "webhook-ingester": "WEBHOOK_OPS_PORT",
      "usage-aggregator": "AGGREGATOR_OPS_PORT",
      "billing-worker": "WORKER_OPS_PORT",
    }).map(([name, port]) => [name, `http://127.0.0.1:${ports[port]}`]),
  );
