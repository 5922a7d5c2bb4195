import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { checkoutRoot } from "../infra/run-as.ts";

/** One of our apps as a process of its own, ready. */
export interface TestApp {
  /** Where the gateway listens, or the ingester takes events; of another app "". */
  readonly url: string;
  readonly opsUrl: string;
  kill(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void;
  /** Its exit code, null after a signal. */
  readonly exited: Promise<number | null>;
}

/** Starts an app with `env` and PATH alone; rejects with what it wrote should it end before it is ready. */
export async function startTestApp(
  app: "api" | "usage-aggregator" | "webhook-ingester",
  env: Readonly<Record<string, string>>,
): Promise<TestApp> {
  const child = spawn(process.execPath, [join(checkoutRoot, `apps/${app}/src/main.ts`)], {
    env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  let output = "";
  const opsUrl = await new Promise<string>((resolve, reject) => {
    void exited.then(() => reject(new Error(`${app} ended\n${output}`)));
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      const found = /"opsUrl":"([^"]+)".*"process\.started"/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  const url = /"url":"([^"]+)".*"(?:gateway|ingester)\.listening"/.exec(output)?.[1] ?? "";
  return { url, opsUrl, kill: (signal) => void child.kill(signal), exited };
}
