import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ProcessSpec } from "./child-process.ts";
import {
  isEngineThere,
  type RunningContainer,
  startPostgresContainer,
  startRedisContainer,
} from "./containers.ts";
import { pollUntil } from "./poll-until.ts";
import { pingPostgres, preparePostgres } from "./postgres.ts";
import { findRedisBinary } from "./redis-binary.ts";
import { pingRedis, prepareRedis } from "./redis.ts";

/** How a server is had: it was given, it runs in a container, or it is a process that the caller starts and watches. */
export type Provision =
  | { kind: "given"; url: string }
  | { kind: "container"; url: string; stop(): Promise<void> }
  | { kind: "local"; url: string; spec: ProcessSpec };

export interface ProvisionOptions {
  /** Of DATABASE_URL or REDIS_URL; it comes before everything else. */
  givenUrl: string | undefined;
  /** INFRA: `containers`, or undefined for local binaries. */
  infra: string | undefined;
  /** What is downloaded is kept there for every run. */
  toolsHome: string;
  /** Of this run's state: data, ports, passwords. */
  folder: string;
  logFolder: string;
  isDurable: boolean;
  say: (text: string) => void;
}

const NO_REDIS =
  "there is no redis-server or valkey-server on the PATH and no Docker engine. Type one of:\n" +
  "  sudo apt-get install redis-server     (Debian, Ubuntu)\n" +
  "  sudo dnf install valkey               (Fedora, RHEL)\n" +
  "  brew install redis                    (macOS)\n" +
  "or set REDIS_URL to a Redis of version 7 or later";

function wantsContainers(infra: string | undefined): boolean {
  if (infra !== undefined && infra !== "" && infra !== "local" && infra !== "containers") {
    throw new Error(`INFRA is "${infra}"; it takes "containers" or "local"`);
  }
  return infra === "containers";
}

/** Postgres by the first strategy that applies; one that applies and fails is an error, never a reason for the next. */
export async function provisionPostgres(options: ProvisionOptions): Promise<Provision> {
  const { givenUrl, infra, logFolder, isDurable, say } = options;
  if (givenUrl) return useGiven("DATABASE_URL", givenUrl, pingPostgres);
  const folder = makeFolder(options.folder, "postgres");
  if (wantsContainers(infra))
    return useContainer(await startPostgresContainer({ folder, isDurable }), pingPostgres);
  const logFile = join(logFolder, "postgres.log");
  return { kind: "local", ...(await preparePostgres({ folder, logFile, isDurable, say })) };
}

/** Redis by the first strategy that applies; with no binary to be had, Docker serves where it answers. */
export async function provisionRedis(
  options: ProvisionOptions & { databaseCount?: number },
): Promise<Provision> {
  const { givenUrl, infra, toolsHome, logFolder, isDurable, say, databaseCount } = options;
  if (givenUrl) return useGiven("REDIS_URL", givenUrl, pingRedis);
  const folder = makeFolder(options.folder, "redis");
  const inContainer = async () => useContainer(await startRedisContainer({ folder, isDurable }), pingRedis);
  if (wantsContainers(infra)) return inContainer();
  const binary = findRedisBinary(toolsHome, say);
  if (binary) {
    const logFile = join(logFolder, "redis.log");
    return {
      kind: "local",
      ...(await prepareRedis({ folder, logFile, binary, ...(databaseCount ? { databaseCount } : {}) })),
    };
  }
  if (!(await isEngineThere())) throw new Error(NO_REDIS);
  say("no Redis here: running it in Docker");
  return inContainer();
}

const GIVEN_DEADLINE_MS = 15_000;
/** Recovery after a crash included. */
const CONTAINER_DEADLINE_MS = 60_000;

async function useGiven(
  variable: string,
  url: string,
  ping: (url: string) => Promise<void>,
): Promise<Provision> {
  await pollUntil(() => ping(url), GIVEN_DEADLINE_MS).catch((error: Error) => {
    throw new Error(`the server of ${variable} does not answer: ${error.message}`);
  });
  return { kind: "given", url };
}

async function useContainer(
  container: RunningContainer,
  ping: (url: string) => Promise<void>,
): Promise<Provision> {
  try {
    await pollUntil(() => ping(container.url), CONTAINER_DEADLINE_MS);
  } catch (error) {
    await container.stop();
    throw error;
  }
  return { kind: "container", ...container };
}

function makeFolder(parent: string, name: string): string {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
