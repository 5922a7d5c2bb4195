import { join } from "node:path";
import type { ProcessSpec } from "../infra/child-process.ts";
import { checkoutRoot } from "../infra/run-as.ts";
import type { PortName, StartSettings } from "./env.ts";

/** Processes stop from the highest rank down; Postgres is 0 and Redis 1, as infra sets them. */
export const RANK = { simulator: 2, app: 3 } as const;

/** Apps drain within 25 s (DESIGN 3). */
const APP_STOP_DEADLINE_MS = 28_000;

// As in the Dockerfile and docker-compose.yml. The usual: a quarter of the memory less, at the same rate. Those who answer
// many requests at once: a young generation that these do not outlive; the gateway's old one grows slowly (ADR 0034), and
// so does the aggregator's, whose batches are gone when they are committed (ADR 0036).
const usualHeap = ["--max-semi-space-size=8"];

const APPS: readonly { name: string; opsPort: PortName; heap: readonly string[] }[] = [
  { name: "api", opsPort: "API_OPS_PORT", heap: ["--max-semi-space-size=16", "--heap-growing-percent=60"] },
  { name: "webhook-ingester", opsPort: "WEBHOOK_OPS_PORT", heap: ["--max-semi-space-size=32"] },
  {
    name: "usage-aggregator",
    opsPort: "AGGREGATOR_OPS_PORT",
    heap: [...usualHeap, "--heap-growing-percent=100"],
  },
  { name: "billing-worker", opsPort: "WORKER_OPS_PORT", heap: usualHeap },
];

/** Node with what every one of our processes gets; `--watch` restarts it at each change of what it imports. */
const nodeArgs = (entry: string, isWatching: boolean, heap: readonly string[]) => [
  "--disable-warning=ExperimentalWarning",
  ...heap,
  ...(isWatching ? ["--watch", "--watch-preserve-output"] : []),
  join(checkoutRoot, entry),
];

/** The host to reach a listener at from this machine. */
export const localHost = ({ bindHost }: StartSettings): string =>
  bindHost === "0.0.0.0"
    ? "127.0.0.1"
    : bindHost === "::"
      ? "[::1]"
      : bindHost.includes(":")
        ? `[${bindHost}]`
        : bindHost;

export function simulatorSpec(
  settings: StartSettings,
  { env, logFolder, url }: { env: NodeJS.ProcessEnv; logFolder: string; url: string },
): ProcessSpec {
  return {
    name: "stripe-simulator",
    command: process.execPath,
    args: nodeArgs("packages/stripe-simulator/src/main.ts", settings.isWatching, usualHeap),
    env,
    cwd: checkoutRoot,
    logFile: join(logFolder, "stripe-simulator.log"),
    rank: RANK.simulator,
    stopSignal: "SIGTERM",
    stopDeadlineMs: 15_000,
    check: () => expectOk(`${url}/_sim/health`),
    readyDeadlineMs: 60_000,
  };
}

export function appSpecs(
  settings: StartSettings,
  { env, logFolder }: { env: NodeJS.ProcessEnv; logFolder: string },
): ProcessSpec[] {
  return APPS.map(({ name, opsPort, heap }) => ({
    name,
    command: process.execPath,
    args: nodeArgs(`apps/${name}/src/main.ts`, settings.isWatching, heap),
    env,
    cwd: checkoutRoot,
    logFile: join(logFolder, `${name}.log`),
    rank: RANK.app,
    stopSignal: "SIGTERM",
    stopDeadlineMs: APP_STOP_DEADLINE_MS,
    check: () => expectOk(`http://${localHost(settings)}:${settings.ports[opsPort]}/health/ready`),
    readyDeadlineMs: 90_000,
  }));
}

async function expectOk(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  if (!response.ok)
    throw new Error(`${url} answers ${response.status} ${(await response.text()).slice(0, 300)}`);
  await response.body?.cancel();
}
