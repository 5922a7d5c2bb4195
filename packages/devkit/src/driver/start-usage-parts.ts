import { join } from "node:path";
import pg from "pg";
import { startProcess, waitUntilReady, type ProcessSpec } from "../infra/child-process.ts";
import { createGuard, type Guard } from "../infra/guard.ts";
import { findFreePort } from "../infra/ports.ts";
import { withDatabase } from "../infra/postgres.ts";
import { checkoutRoot } from "../infra/run-as.ts";
import { provisionPostgres, provisionRedis, type Provision } from "../infra/strategy.ts";
import { childEnv, urlsOf } from "../start/child-env.ts";
import { keepDemoCredentials, writeDemoSeed } from "../start/demo-credentials.ts";
import { loadStartSettings, portNames } from "../start/env.ts";
import { appSpecs, simulatorSpec } from "../start/process-specs.ts";
import { runStep } from "../start/run-step.ts";
import { makeRunFolder } from "../testing/run-folder.ts";

/** One of our processes that runs. */
export interface UsageApp {
  readonly pid: number;
  /** Where the gateway serves its API, or where the ingester takes Stripe's events; of another process nothing. */
  readonly url: string;
  readonly logFile: string;
  /** How it ended, in words; never rejects. */
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

/** What a measurement needs, each part by itself: a private Postgres, Redis and simulator; our processes on demand. */
export interface UsageParts {
  /** Of this run; removed at its end. */
  readonly folder: string;
  /** A key of scope `service`, in every database that is cloned from the template. */
  readonly serviceKey: string;
  readonly redisUrl: string;
  /** The simulator, and a key that it takes. */
  readonly stripe: { readonly url: string; readonly secretKey: string };
  /** Of the servers; one that runs in a container has none here. */
  readonly pids: {
    readonly postgres: number | null;
    readonly redis: number | null;
    readonly simulator: number;
  };
  /** Makes a database that is set up and empty. @returns its URL. */
  createDatabase(name: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** Starts a process on a database; resolves when it is ready. */
  startApp(name: UsageAppName, options: UsageAppOptions): Promise<UsageApp>;
  /** Stops whatever still runs, apps first and Postgres last, and removes the folder. */
  close(): Promise<void>;
}

export type UsageAppName = "api" | "usage-aggregator" | "webhook-ingester" | "billing-worker";

export interface UsageAppOptions {
  databaseUrl: string;
  env?: Readonly<Record<string, string>>;
  /** For Node itself, as `--cpu-prof`. */
  nodeArgs?: readonly string[];
}

const TEMPLATE = "usage_template";

/**
 * Starts Postgres and Redis, durable as the real ones, and the simulator, and sets a database up. `home` keeps what is
 * downloaded. Should this process be killed, all of it is stopped all the same.
 */
export async function startUsageParts(options: {
  home: string;
  say: (text: string) => void;
}): Promise<UsageParts> {
  const folder = await makeRunFolder(options.home);
  const guard = createGuard(join(folder, "pids"));
  guard.removeAtEnd(folder);
  const containers: (() => Promise<void>)[] = [];
  const close = async () => {
    await Promise.allSettled(containers.map((stop) => stop()));
    await guard.close();
  };
  try {
    return { ...(await start({ ...options, folder, guard, containers })), close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Place {
  say: (text: string) => void;
  folder: string;
  guard: Guard;
  containers: (() => Promise<void>)[];
}

async function start({ say, folder, guard, containers }: Place): Promise<Omit<UsageParts, "close">> {
  const logFolder = join(folder, "logs");
  const inherited = { ...process.env, DRIFTLOCK_HOME: folder, STRIPE_SECRET_KEY: "" };
  const freeSettings = async () => {
    const ports: Record<string, string> = {};
    for (const name of portNames) ports[name] = String(await findFreePort());
    return loadStartSettings({ ...inherited, ...ports, BIND_HOST: "127.0.0.1" }, []);
  };
  const settings = await freeSettings();
  const run = async (spec: ProcessSpec) => {
    const running = await startProcess(spec, guard);
    await waitUntilReady(spec, running);
    return running;
  };
  const use = async (provision: Provision) => {
    if (provision.kind === "container") containers.push(provision.stop);
    return { url: provision.url, pid: provision.kind === "local" ? (await run(provision.spec)).pid : null };
  };
  const place = {
    infra: settings.infra,
    toolsHome: settings.toolsHome,
    folder,
    logFolder,
    isDurable: true,
    say,
  };
  const postgres = await provisionPostgres({ ...place, givenUrl: undefined }).then(use);
  const redis = await provisionRedis({ ...place, givenUrl: undefined }).then(use);
  const credentials = await keepDemoCredentials(folder, "account_id");
  const envFor = (of: typeof settings, databaseUrl: string) =>
    childEnv({ ...of, inherited }, { databaseUrl, redisUrl: redis.url, credentials });

  const admin = async (text: string) => {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  };
  const { stripeUrl } = urlsOf(settings);
  if (stripeUrl === null) throw new Error("the parts run on the simulator alone");
  await admin(`create database ${TEMPLATE} template template0`);
  const env = envFor(settings, withDatabase(postgres.url, TEMPLATE));
  const simulator = await run(
    simulatorSpec(settings, {
      env: {
        ...env,
        STRIPE_SIMULATOR_STATE: join(folder, "stripe-simulator.db"),
        STRIPE_SIMULATOR_JWKS: JSON.stringify(credentials.jwks),
      },
      logFolder,
      url: stripeUrl,
    }),
  );
  const signal = new AbortController().signal;
  const step = (name: string, entry: string, extra: NodeJS.ProcessEnv = {}) =>
    runStep({
      ...{ name, logFolder, guard, signal, cwd: checkoutRoot, command: process.execPath },
      args: ["--disable-warning=ExperimentalWarning", join(checkoutRoot, entry)],
      env: { ...env, ...extra },
    });
  await step("migrate", "packages/db/src/migrate-main.ts");
  await step("seed", "packages/db/src/seed-main.ts");
  const demoFile = writeDemoSeed(folder, credentials);
  await step("seed-demo", "apps/api/src/commands/seed-demo.ts", { DRIFTLOCK_DEMO_FILE: demoFile });
  await step("stripe-setup", "apps/billing-worker/src/setup-main.ts");

  return {
    folder,
    serviceKey: credentials.serviceKey,
    redisUrl: redis.url,
    stripe: { url: stripeUrl, secretKey: credentials.stripeSecretKey },
    pids: { postgres: postgres.pid, redis: redis.pid, simulator: simulator.pid },
    createDatabase: async (name) => {
      await admin(`create database ${name} template ${TEMPLATE}`);
      return withDatabase(postgres.url, name);
    },
    dropDatabase: (name) => admin(`drop database if exists ${name} with (force)`),
    startApp: async (name, { databaseUrl, env: extra = {}, nodeArgs = [] }) => {
      const own = await freeSettings();
      const ofParts = {
        ...own,
        ports: { ...own.ports, STRIPE_SIMULATOR_PORT: settings.ports.STRIPE_SIMULATOR_PORT },
      };
      const appEnv = { ...envFor(ofParts, databaseUrl), ...extra };
      const spec = appSpecs(ofParts, { env: appEnv, logFolder }).find((each) => each.name === name);
      if (spec === undefined) throw new Error(`there is no process "${name}"`);
      const logFile = join(logFolder, `${name}-${own.ports.API_PORT}.log`);
      const running = await run({ ...spec, args: [...nodeArgs, ...spec.args], logFile });
      const { apiUrl, webhookUrl } = urlsOf(ofParts);
      const urls: Partial<Record<UsageAppName, string>> = { api: apiUrl, "webhook-ingester": webhookUrl };
      return {
        pid: running.pid,
        url: urls[name] ?? "",
        logFile,
        exited: running.exited,
        stop: async () => void (await running.stop()),
      };
    },
  };
}
