import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

export interface AggregatorProcess {
  opsUrl: string;
  kill(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void;
  exited: Promise<unknown>;
}

const main = join(import.meta.dirname, "../src/main.ts");

/** The real process, ready. */
export async function startAggregator(env: {
  databaseUrl: string;
  redisUrl: string;
  stripeUrl: string;
}): Promise<AggregatorProcess> {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: env.databaseUrl,
      REDIS_URL: env.redisUrl,
      STRIPE_API_URL: env.stripeUrl,
      STRIPE_SECRET_KEY: "sk_test_aggregator",
      DRIFTLOCK_MODE: "simulator",
      AGGREGATOR_OPS_PORT: "0",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let output = "";
  const opsUrl = await new Promise<string>((resolve, reject) => {
    void exited.then(() => reject(new Error(`the aggregator ended\n${output}`)));
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      const found = /"opsUrl":"([^"]+)".*"process\.started"/.exec(output);
      if (found?.[1] !== undefined) resolve(found[1]);
    });
  });
  return { opsUrl, kill: (signal) => void child.kill(signal), exited };
}
