import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createGuard } from "../infra/guard.ts";
import { findFreePort } from "../infra/ports.ts";
import { findRedisBinary, type RedisBinary } from "../infra/redis-binary.ts";
import { prepareRedis } from "../infra/redis.ts";
import { type RestartableServer, startServer } from "../infra/start-server.ts";
import { findToolsHome } from "../infra/tools-home.ts";

export interface RedisServer extends RestartableServer {
  readonly url: string;
  readonly port: number;
  readonly password: string;
}

export interface RedisServers {
  readonly servers: readonly RedisServer[];
  close(): Promise<void>;
}

/** One password for all, which replicas and the nodes of a cluster show each other. */
const password = "of-a-test";

/** Starts `count` Redis servers below `folder`, durable as the one that `npm start` runs. `settings` are redis.conf's. */
export async function startRedisServers(options: {
  folder: string;
  count: number;
  settings?: Readonly<Record<string, string>>;
}): Promise<RedisServers> {
  const { folder, count, settings = {} } = options;
  const guard = createGuard(join(folder, "redis-pids"));
  const binary = findRedisBinary(findToolsHome(process.env), () => {});
  if (!binary) throw new Error("this needs redis-server or valkey-server");

  async function startOne(of: RedisBinary, number: number): Promise<RedisServer> {
    const place = join(folder, `redis-${number}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "password"), password, { mode: 0o600 });
    writeFileSync(join(place, "port"), `${await freePortWithBus()}\n`);
    const { spec, url } = await prepareRedis({
      ...{ folder: place, logFile: join(place, "server.log"), binary: of, extraSettings: settings },
    });
    const server = await startServer(spec, guard);
    return { ...server, url, port: Number(new URL(url).port), password };
  }

  try {
    const servers: RedisServer[] = [];
    for (let number = 0; number < count; number++) servers.push(await startOne(binary, number));
    return { servers, close: () => guard.close() };
  } catch (error) {
    await guard.close();
    throw error;
  }
}

/** A cluster's nodes listen 10,000 above their port too. */
async function freePortWithBus(): Promise<number> {
  for (;;) {
    const port = await findFreePort();
    if (port < 55_000) return port;
  }
}
