import { join, resolve } from "node:path";
import { checkoutRoot } from "../infra/run-as.ts";
import { findToolsHome } from "../infra/tools-home.ts";

/** Every port of DESIGN 2.2: variable, default, and what listens there. */
export const portTable = {
  API_PORT: { standard: 4000, what: "API gateway" },
  WEBHOOK_PORT: { standard: 4001, what: "webhook ingester" },
  STRIPE_SIMULATOR_PORT: { standard: 4010, what: "Stripe simulator" },
  API_OPS_PORT: { standard: 4100, what: "health and metrics of the API gateway" },
  WEBHOOK_OPS_PORT: { standard: 4101, what: "health and metrics of the webhook ingester" },
  AGGREGATOR_OPS_PORT: { standard: 4102, what: "health and metrics of the usage aggregator" },
  WORKER_OPS_PORT: { standard: 4103, what: "health and metrics of the billing worker" },
} as const;

export type PortName = keyof typeof portTable;
export const portNames = Object.keys(portTable) as PortName[];

export interface StartSettings {
  /** DRIFTLOCK_HOME, absolute. */
  home: string;
  /** What is downloaded or built once for every home of this checkout. */
  toolsHome: string;
  /** Of this mode's state: data, logs, pid files. */
  folder: string;
  mode: "simulator" | "test" | "live";
  bindHost: string;
  ports: Record<PortName, number>;
  isWatching: boolean;
  databaseUrl: string | undefined;
  redisUrl: string | undefined;
  stripeSecretKey: string | undefined;
  infra: string | undefined;
  webDistDir: string | undefined;
  /** Our parent, where it said that we are to go when it goes (DRIFTLOCK_PARENT_PID): the bootstrap, a test. */
  parentPid: number | undefined;
  /** What the wait before a process that died is started again grows to; short where it is killed on purpose. */
  restartMsMax: number;
  /** Handed on to the children, under what is set for them. */
  inherited: NodeJS.ProcessEnv;
}

/** Reads the environment; throws one Error that names every fault. */
export function loadStartSettings(env: NodeJS.ProcessEnv, args: readonly string[]): StartSettings {
  const faults: string[] = [];
  const ports = Object.fromEntries(
    portNames.map((name) => [name, readPort(name, env[name], faults)]),
  ) as Record<PortName, number>;
  const stripeSecretKey = env["STRIPE_SECRET_KEY"] || undefined;
  const restartMsMax = Number(env["DRIFTLOCK_RESTART_MS_MAX"] || 30_000);
  if (!Number.isInteger(restartMsMax) || restartMsMax < 0)
    faults.push(
      `DRIFTLOCK_RESTART_MS_MAX is not a number of milliseconds: ${env["DRIFTLOCK_RESTART_MS_MAX"]}`,
    );
  const mode = modeOf(stripeSecretKey);
  if (mode === null)
    faults.push("STRIPE_SECRET_KEY starts with none of sk_test_, sk_live_, rk_test_, rk_live_");
  const unknown = args.filter((arg) => arg !== "--watch");
  if (unknown.length > 0) faults.push(`unknown argument ${unknown.join(" ")}; there is --watch`);
  if (mode === null || faults.length > 0) throw new Error(`it cannot start:\n- ${faults.join("\n- ")}`);
  const home = resolve(checkoutRoot, env["DRIFTLOCK_HOME"] || ".driftlock");
  const parentPid = Number(env["DRIFTLOCK_PARENT_PID"]);
  return {
    home,
    toolsHome: findToolsHome(env),
    folder: join(home, mode === "simulator" ? "simulator" : "stripe"),
    mode,
    bindHost: env["BIND_HOST"] || "127.0.0.1",
    ports,
    isWatching: args.includes("--watch"),
    databaseUrl: env["DATABASE_URL"] || undefined,
    redisUrl: env["REDIS_URL"] || undefined,
    stripeSecretKey,
    infra: env["INFRA"],
    webDistDir: env["WEB_DIST_DIR"] || undefined,
    parentPid: parentPid === process.ppid ? parentPid : undefined,
    restartMsMax,
    inherited: env,
  };
}

function modeOf(stripeSecretKey: string | undefined): StartSettings["mode"] | null {
  if (stripeSecretKey === undefined) return "simulator";
  const [, kind] = /^[rs]k_(test|live)_/.exec(stripeSecretKey) ?? [];
  return kind === "test" || kind === "live" ? kind : null;
}

function readPort(name: PortName, value: string | undefined, faults: string[]): number {
  if (value === undefined || value === "") return portTable[name].standard;
  const port = Number(value);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    faults.push(`${name} is not a port number: ${value}`);
  return port;
}
