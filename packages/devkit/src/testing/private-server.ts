import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import type { ProcessSpec } from "../infra/child-process.ts";
import { createGuard, type Guard } from "../infra/guard.ts";
import { preparePostgres } from "../infra/postgres.ts";
import { findRedisBinary } from "../infra/redis-binary.ts";
import { prepareRedis } from "../infra/redis.ts";
import { type RestartableServer, startServer } from "../infra/start-server.ts";

export interface PrivateServer extends RestartableServer {
  url: string;
  /** Stops it for good. */
  close(): Promise<void>;
}

/** A Redis process for one test file alone. Needs the project's global setup. */
export async function startPrivateRedis(): Promise<PrivateServer> {
  const { folder, guard, say, toolsHome } = makePlace("redis");
  const binary = findRedisBinary(toolsHome, say);
  if (!binary) throw new Error("startPrivateRedis needs redis-server or valkey-server on the PATH");
  return runServer(await prepareRedis({ folder, logFile: join(folder, "server.log"), binary }), guard);
}

/** A Postgres process for one test file alone, durable as the real one. Needs the project's global setup. */
export async function startPrivatePostgres(): Promise<PrivateServer> {
  const { folder, guard, say } = makePlace("postgres");
  const logFile = join(folder, "server.log");
  return runServer(await preparePostgres({ folder, logFile, isDurable: true, say }), guard);
}

function makePlace(name: string) {
  const infra = inject("driftlock");
  const parent = mkdtempSync(join(infra.folder, "private-"));
  chmodSync(parent, 0o755); // Postgres may have to run as another user
  const folder = join(parent, name);
  mkdirSync(folder);
  return {
    folder,
    guard: createGuard(join(infra.folder, "pids")),
    toolsHome: infra.toolsHome,
    say: () => {},
  };
}

async function runServer(
  { spec, url }: { spec: ProcessSpec; url: string },
  guard: Guard,
): Promise<PrivateServer> {
  const server = await startServer(spec, guard);
  return {
    ...server,
    url,
    async close() {
      await server.stop();
      await guard.close();
    },
  };
}
