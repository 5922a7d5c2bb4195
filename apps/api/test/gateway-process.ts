import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Gateway } from "./helpers.ts";

const main = join(import.meta.dirname, "../src/main.ts");

/** A gateway as a process of its own, ready, on the same Postgres, Redis and simulator as `gateway`. */
export async function startGatewayProcess(gateway: Gateway, overrides: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: gateway.databaseUrl,
      REDIS_URL: gateway.redisUrl,
      DRIFTLOCK_MODE: "simulator",
      API_PORT: "0",
      API_OPS_PORT: "0",
      PUBLIC_URL: "http://billing.example.test",
      STRIPE_SECRET_KEY: "sk_test_gateway",
      STRIPE_API_URL: gateway.simulator.url,
      ...overrides,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let output = "";
  const [url, opsUrl] = await new Promise<[string, string]>((resolve, reject) => {
    void exited.then(() => reject(new Error(`the gateway ended\n${output}`)));
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      const listening = /"url":"([^"]+)".*"gateway\.listening"/.exec(output)?.[1];
      const started = /"opsUrl":"([^"]+)".*"process\.started"/.exec(output)?.[1];
      if (listening !== undefined && started !== undefined) resolve([listening, started]);
    });
  });
  return {
    url,
    residentBytes: async () => {
      const metrics = await (await fetch(`${opsUrl}/metrics`)).text();
      return Number(/process_resident_memory_bytes\{.*\} (\d+)/.exec(metrics)?.[1]);
    },
    close: async () => {
      child.kill("SIGTERM");
      await exited;
    },
    exited,
  };
}
