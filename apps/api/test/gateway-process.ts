import { startTestApp } from "@driftlock/devkit";
import type { Gateway } from "./helpers.ts";

/** A gateway as a process of its own, ready, on the same Postgres, Redis and simulator as `gateway`. */
export async function startGatewayProcess(gateway: Gateway, overrides: Record<string, string> = {}) {
  const { url, opsUrl, kill, exited } = await startTestApp("api", {
    DATABASE_URL: gateway.databaseUrl,
    REDIS_URL: gateway.redisUrl,
    DRIFTLOCK_MODE: "simulator",
    API_PORT: "0",
    API_OPS_PORT: "0",
    PUBLIC_URL: "http://billing.example.test",
    STRIPE_SECRET_KEY: "sk_test_gateway",
    STRIPE_API_URL: gateway.simulator.url,
    ...overrides,
  });
  return {
    url,
    residentBytes: async () => {
      const metrics = await (await fetch(`${opsUrl}/metrics`)).text();
      return Number(/process_resident_memory_bytes\{.*\} (\d+)/.exec(metrics)?.[1]);
    },
    /** @returns its exit code. */
    close: async () => {
      kill("SIGTERM");
      return exited;
    },
  };
}
