import { AppError } from "@driftlock/contracts";
import type { Redis } from "ioredis";
import { toAppError } from "./errors.ts";
import { keys } from "./keys.ts";

/**
 * Resolves when all that the server had written before the call is on its disk, and these partitions are its own.
 * @throws UNAVAILABLE, also where that takes more than ten seconds.
 */
export type SyncAppendOnlyFile = (partitions: Iterable<number>) => Promise<void>;

const waitAofMs = 10_000;

/**
 * Makes sure that an answer of this server can mean "on its disk": by WAITAOF, or before Redis 7.2 by appendfsync
 * always, which is set where that is allowed. Holds until the server restarts. @throws Error that names the setting.
 */
export async function prepareFsync(redis: Redis): Promise<SyncAppendOnlyFile> {
  if (await hasWaitAof(redis)) {
    await redis.call("WAITAOF", "1", "0", "1").catch(needsAppendOnly);
    return (partitions) => waitAof(redis, partitions);
  }
  if ((await settingOf(redis, "appendonly")) !== "yes") needsAppendOnly();
  if ((await settingOf(redis, "appendfsync")) !== "always") {
    await redis.config("SET", "appendfsync", "always").catch((cause: unknown) => {
      throw new Error(
        "USAGE_DURABILITY=fsync needs Redis 7.2 or newer, or one with appendfsync always; CONFIG SET was refused",
        { cause },
      );
    });
  }
  // Nothing is answered before it is on the disk: that the server still lives, and writes, is enough.
  return async (partitions) => {
    try {
      await Promise.all(mark(redis, partitions));
    } catch (error) {
      throw toAppError(error);
    }
  };
}

/** So that WAITAOF on this connection covers what others wrote. Another master's partitions are refused (MOVED). */
const mark = (redis: Redis, partitions: Iterable<number>): Promise<unknown>[] =>
  Array.from(partitions, (partition) => redis.set(keys.fsync(partition), "1"));

function needsAppendOnly(cause?: unknown): never {
  throw new Error("USAGE_DURABILITY=fsync needs a Redis with appendonly yes", { cause });
}

async function waitAof(redis: Redis, partitions: Iterable<number>): Promise<void> {
  try {
    const marks = mark(redis, partitions);
    const waiting = redis.call("WAITAOF", "1", "0", String(waitAofMs)) as Promise<
      [local: number, replicas: number]
    >;
    const [synced] = await Promise.all([waiting, ...marks]);
    if (synced[0] < 1)
      throw new AppError("UNAVAILABLE", "Redis's disk is too slow; send the same events again.");
  } catch (error) {
    throw toAppError(error);
  }
}

/** WAITAOF came with Redis 7.2; Valkey tells the version of Redis that it stands for. */
async function hasWaitAof(redis: Redis): Promise<boolean> {
  const info = await redis.info("server");
  const [, major, minor] = /^redis_version:(\d+)\.(\d+)/m.exec(info) ?? [];
  return Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 2);
}

async function settingOf(redis: Redis, name: string): Promise<string | undefined> {
  const reply = (await redis.config("GET", name).catch(() => [])) as string[];
  return reply[1];
}
