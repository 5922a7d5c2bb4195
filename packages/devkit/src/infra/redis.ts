import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ProcessSpec } from "./child-process.ts";
import { connectRedis } from "./connect-redis.ts";
import { keepPassword } from "./keep-password.ts";
import { keepPort } from "./ports.ts";
import type { RedisBinary } from "./redis-binary.ts";
import { writeFileAtomic } from "./write-file-atomic.ts";

export interface PrepareRedisOptions {
  /** Where its data, password and port are kept. */
  folder: string;
  logFile: string;
  binary: RedisBinary;
  /** Logical databases; the default of 16 is too few where each test file has its own. */
  databaseCount?: number;
  /** Over ours, by name; a cluster's among them. */
  extraSettings?: Readonly<Record<string, string>>;
}

/** Sets up a private Redis with AOF (fsync every second) and `noeviction`, and says how to run it. */
export async function prepareRedis(
  options: PrepareRedisOptions,
): Promise<{ spec: ProcessSpec; url: string }> {
  const { folder, logFile, binary, databaseCount = 16, extraSettings = {} } = options;
  const data = join(folder, "data");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const password = keepPassword(folder);
  const port = await keepPort(join(folder, "port"));
  const settings = {
    bind: "127.0.0.1",
    port,
    dir: JSON.stringify(data),
    databases: databaseCount,
    requirepass: password,
    appendonly: "yes",
    appendfsync: "everysec",
    // At a high rate the file doubles within seconds; each rewrite forks, and packs text for nothing (ADR 0036).
    "auto-aof-rewrite-min-size": "2gb",
    rdbcompression: "no",
    "maxmemory-policy": "noeviction",
    save: '""',
    daemonize: "no",
    masterauth: password,
    ...extraSettings,
  };
  // A file, because a password on the command line is there for every user of the machine to read.
  const configFile = join(folder, "redis.conf");
  const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}`);
  writeFileAtomic(configFile, `${lines.join("\n")}\n`);
  const url = `redis://:${password}@127.0.0.1:${port}`;
  const spec: ProcessSpec = {
    name: "redis",
    command: binary.command,
    args: [configFile],
    env: binary.env,
    cwd: data,
    logFile,
    rank: 1,
    stopSignal: "SIGTERM", // the same as SHUTDOWN: the AOF is flushed and synced first
    stopDeadlineMs: 20_000,
    check: () => pingRedis(url),
    readyDeadlineMs: 60_000, // loading a large AOF included
  };
  return { spec, url };
}

/** Resolves when the server has loaded its data and takes commands. */
export async function pingRedis(url: string): Promise<void> {
  const client = connectRedis(url, { tries: 0 });
  try {
    await client.ping(); // LOADING is an error
  } finally {
    client.disconnect();
  }
}
