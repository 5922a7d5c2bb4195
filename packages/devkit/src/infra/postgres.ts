import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import pg from "pg";
import type { ProcessSpec } from "./child-process.ts";
import { keepPassword } from "./keep-password.ts";
import { keepPort } from "./ports.ts";
import { findPostgresBinaries, type PostgresBinaries } from "./postgres-binaries.ts";
import { readCommandLine } from "./process-table.ts";
import { canReach, findRunAs, outsideFolder, type RunAs } from "./run-as.ts";
import { writeFileAtomic } from "./write-file-atomic.ts";

const SUPERUSER = "driftlock";

/** Checkpoints write whole pages again: rare ones are what usage at a high rate needs most (docs/runbooks). */
const forLoad = {
  shared_buffers: "512MB",
  max_wal_size: "4GB",
  checkpoint_timeout: "15min",
  wal_compression: "on",
  wal_level: "minimal",
  max_wal_senders: "0",
};

export interface PreparePostgresOptions {
  /** Where its password and port are kept, and its data too wherever Postgres's user can reach it. */
  folder: string;
  logFile: string;
  /** False only for data that nobody will miss: no fsync. */
  isDurable: boolean;
  say: (text: string) => void;
}

/** Sets up a private Postgres (data made on first use, found again later) and says how to run it. */
export async function preparePostgres(
  options: PreparePostgresOptions,
): Promise<{ spec: ProcessSpec; url: string }> {
  const { folder, logFile, isDurable, say } = options;
  mkdirSync(folder, { recursive: true });
  const runAs = findRunAs();
  const binaries = findPostgresBinaries(runAs, say);
  const data = findDataFolder(folder, runAs, say);
  const password = keepPassword(folder);
  if (!existsSync(data)) initialize({ binaries, data, password, runAs, isDurable, say });
  clearStalePidFile(data);
  const port = await keepPort(join(folder, "port"));
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`;
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "200",
    timezone: "UTC",
    ...(isDurable ? forLoad : { fsync: "off", full_page_writes: "off", synchronous_commit: "off" }),
  };
  const spec: ProcessSpec = {
    name: "postgres",
    command: binaries.postgres,
    args: [
      "-D",
      data,
      "-p",
      `${port}`,
      ...Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]),
    ],
    env: postgresEnv(),
    cwd: data,
    logFile,
    ...(runAs ? { runAs } : {}),
    rank: 0,
    stopSignal: "SIGINT", // fast shutdown: sessions are ended, nothing is lost
    stopDeadlineMs: 30_000,
    check: () => pingPostgres(url),
    readyDeadlineMs: 60_000, // recovery after a crash included
  };
  return { spec, url };
}

/** The same server's URL for another database of it. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** Resolves when the server takes queries. */
export async function pingPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("select 1");
  } finally {
    await client.end();
  }
}

const postgresEnv = (): NodeJS.ProcessEnv => ({ PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" });

/**
 * The data folder: in `folder`, or outside of the checkout where Postgres's user cannot reach that. The name outside
 * carries an id kept in `folder`, so that whoever deletes `folder` starts afresh, and the old data is removed.
 */
function findDataFolder(folder: string, runAs: RunAs | undefined, say: (text: string) => void): string {
  if (canReach(folder, runAs)) return join(folder, "data");
  const idFile = join(folder, "id");
  if (!existsSync(idFile)) writeFileAtomic(idFile, randomUUID());
  const id = readFileSync(idFile, "utf8");
  const outside = outsideFolder();
  for (const entry of readdirSync(outside)) removeWhereAbandoned(join(outside, entry));
  const mine = join(outside, `${OUTSIDE_PREFIX}${id}`);
  if (!existsSync(mine)) {
    mkdirSync(mine);
    chmodSync(mine, 0o755); // whatever the umask is
    writeFileSync(join(mine, "home"), folder);
    say(`Postgres cannot run as root, and as nobody it cannot reach ${folder}: its data goes to ${mine}`);
  }
  return join(mine, "data");
}

const OUTSIDE_PREFIX = "postgres-data-";

/** Removes a data folder whose home is gone or has another by now, unless a server still runs on it. */
function removeWhereAbandoned(path: string): void {
  if (!basename(path).startsWith(OUTSIDE_PREFIX)) return;
  const read = (...file: string[]) => {
    try {
      return readFileSync(join(...file), "utf8");
    } catch {
      return "";
    }
  };
  const home = read(path, "home"); // empty while it is being made
  if (home === "" || read(home, "id") === basename(path).slice(OUTSIDE_PREFIX.length)) return;
  const pid = Number(read(path, "data", "postmaster.pid").split("\n")[0]);
  if (pid > 0 && readCommandLine(pid)?.includes("postgres")) return;
  rmSync(path, { recursive: true, force: true });
}

interface InitializeOptions {
  binaries: PostgresBinaries;
  data: string;
  password: string;
  runAs: RunAs | undefined;
  isDurable: boolean;
  say: (text: string) => void;
}

/** Runs initdb beside the final place and renames: half a database is never taken for a whole one. */
function initialize({ binaries, data, password, runAs, isDurable, say }: InitializeOptions): void {
  say("creating the Postgres data folder");
  const staging = `${data}.new`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { mode: 0o700 });
  const passwordFile = join(dirname(data), "initdb-password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (runAs) for (const path of [staging, passwordFile]) chownSync(path, runAs.uid, runAs.gid);
  const result = spawnSync(
    binaries.initdb,
    [
      ...["-D", staging, "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "--data-checksums"],
      ...["--auth=scram-sha-256", `--pwfile=${passwordFile}`, ...(isDurable ? [] : ["--no-sync"])],
    ],
    { encoding: "utf8", env: postgresEnv(), cwd: staging, ...runAs },
  );
  rmSync(passwordFile, { force: true });
  if (result.status !== 0) {
    throw new Error(`initdb failed: ${result.error?.message ?? `${result.stdout}\n${result.stderr}`}`);
  }
  renameSync(staging, data);
}

/** After a kill -9 and a reboot the pid in postmaster.pid may be another program's, and Postgres would not start. */
function clearStalePidFile(data: string): void {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return;
  const commandLine = readCommandLine(Number(readFileSync(file, "utf8").split("\n")[0]));
  // Only what is certainly no Postgres is overruled: two servers on one data folder would destroy it.
  if (!commandLine?.includes("postgres")) rmSync(file, { force: true });
}
