import { type PrivateServer, startPrivateRedis } from "@driftlock/devkit";
import { keys, readStreamEnd } from "@driftlock/redis";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDurability, type Durability, type WrittenEntry } from "../../src/usage/durability.ts";

let server: PrivateServer;
let redis: Redis;
beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url).on("error", () => {});
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
});
beforeEach(() => redis.flushall());

const opened: Durability[] = [];
let nowMs = 0;
afterEach(() => {
  for (const durability of opened.splice(0)) durability.close();
});
async function open(level: "redis" | "fsync" | "committed", redisUrl = server.url): Promise<Durability> {
  const durability = createDurability({
    level,
    redisUrl,
    monotonicNow: () => nowMs,
    onConnectionError: () => {},
  });
  opened.push(durability);
  await durability.start();
  return durability;
}

/** As an accepted call leaves it. */
async function write(partition: number, epoch = "one"): Promise<WrittenEntry> {
  await redis.hset(keys.meta(partition), "epoch", epoch);
  const streamId = await redis.xadd(keys.stream(partition), "*", "v", "1", "a", " acct ", "d", "rows");
  return { partition, epoch, streamId: streamId ?? "" };
}
/** As the aggregator leaves it, from when it has committed the entry. */
const commit = (entry: WrittenEntry) => redis.hset(keys.meta(entry.partition), "trimmed", entry.streamId);
const none = () => [];

/** What has become of a promise, without waiting for it. */
function watch<T>(promise: Promise<T>) {
  const watched = { state: "waits" as "waits" | "kept" | "refused", promise };
  promise.then(
    () => (watched.state = "kept"),
    () => (watched.state = "refused"),
  );
  return watched;
}
/** Two looks of the waiters have been answered meanwhile. */
async function looks(): Promise<void> {
  const count = async () =>
    Number(/cmdstat_hmget:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);
  const before = await count();
  await expect.poll(count, { interval: 5 }).toBeGreaterThanOrEqual(before + 2);
}

test("redis: an answer waits for nothing", async () => {
  const durability = await open("redis");
  const entry = await write(0);
  expect(await durability.keep(async () => ({ answer: 7, entries: [entry], repeatedIn: none }))).toBe(7);
});

describe("committed", () => {
  test("an answer waits until every entry of its call is committed, and nobody asks while nobody waits", async () => {
    const durability = await open("committed");
    const entries = [await write(0), await write(3)];
    const kept = watch(durability.keep(async () => ({ answer: "all", entries, repeatedIn: none })));
    await looks();
    expect(kept.state).toBe("waits");
    await commit(entries[0]!);
    await looks();
    expect(kept.state).toBe("waits");
    const newer = await write(3);
    await commit(newer);
    expect(await kept.promise).toBe("all");
    const calls = async () => /cmdstat_hmget:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1];
    const before = await calls();
    await redis.blpop("nothing", 0.1);
    expect(await calls()).toBe(before);
  });

  test("a repeat waits for all that its partition held by then: the first sender may still be waiting", async () => {
    const durability = await open("committed");
    const first = await write(1);
    const repeat = watch(durability.keep(async () => ({ answer: 1, entries: [], repeatedIn: () => [1, 1] })));
    await looks();
    expect(repeat.state).toBe("waits");
    await commit(first);
    expect(await repeat.promise).toBe(1);
    expect(await durability.keep(async () => ({ answer: 2, entries: [], repeatedIn: () => [1, 2] }))).toBe(2);
  });

  test("a call that wrote nothing waits for nothing", async () => {
    const durability = await open("committed");
    await write(0);
    expect(await durability.keep(async () => ({ answer: 0, entries: [], repeatedIn: none }))).toBe(0);
  });

  test("another epoch, or none, is 503: the entry may be gone", async () => {
    const durability = await open("committed");
    for (const lose of [() => redis.hset(keys.meta(0), "epoch", "two"), () => redis.flushall()]) {
      const entry = await write(0);
      const kept = watch(durability.keep(async () => ({ answer: 0, entries: [entry], repeatedIn: none })));
      await lose();
      await expect(kept.promise).rejects.toMatchObject({ code: "UNAVAILABLE" });
    }
  });

  test("Redis back without the entry, in the same epoch and with a later one committed, is 503", async () => {
    const durability = await open("committed");
    const lost = await write(0);
    const kept = watch(durability.keep(async () => ({ answer: 0, entries: [lost], repeatedIn: none })));
    await looks();
    await redis.xdel(keys.stream(0), lost.streamId);
    const later = await write(0);
    await server.kill();
    await server.start();
    await commit(later);
    expect(await readStreamEnd(redis, 0)).toMatchObject({ epoch: "one", streamId: later.streamId });
    await expect(kept.promise).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("while Redis is away nothing is written", async () => {
    const durability = await open("committed");
    await server.kill();
    let isWritten = false;
    const send = () => {
      isWritten = false;
      return durability.keep(async () => {
        isWritten = true;
        return { answer: "kept", entries: [], repeatedIn: none };
      });
    };
    await expect.poll(() => send().catch(({ code }) => code)).toBe("UNAVAILABLE");
    await expect(send()).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 2 });
    expect(isWritten).toBe(false);
    await server.start();
    await expect.poll(() => send().catch(() => "not"), { timeout: 5_000 }).toBe("kept");
  });

  test("with no aggregator it is 503 after ten seconds, and the same again is kept once it is committed", async () => {
    const durability = await open("committed");
    const entry = await write(0);
    const kept = watch(durability.keep(async () => ({ answer: 0, entries: [entry], repeatedIn: none })));
    await looks();
    nowMs += 9_999;
    await looks();
    expect(kept.state).toBe("waits");
    nowMs += 1;
    await expect(kept.promise).rejects.toMatchObject({ code: "UNAVAILABLE", retryAfterSeconds: 1 });
    await commit(entry);
    expect(await durability.keep(async () => ({ answer: 1, entries: [], repeatedIn: () => [0] }))).toBe(1);
  });

  test("10,000 who wait at once share their looks", async () => {
    const durability = await open("committed");
    const entries = await Promise.all(Array.from({ length: 8 }, (_, partition) => write(partition)));
    const waiting = Array.from({ length: 10_000 }, (_, index) =>
      durability.keep(async () => ({ answer: index, entries: [entries[index % 8]!], repeatedIn: none })),
    );
    await looks();
    for (const entry of entries) await commit(entry);
    expect((await Promise.all(waiting)).at(-1)).toBe(9_999);
  });
});

const versionOf = async () => /redis_version:(\S+)/.exec(await redis.info("server"))?.[1] ?? "";
const hasWaitAof = async () => {
  const [major = 0, minor = 0] = (await versionOf()).split(".").map(Number);
  return major > 7 || (major === 7 && minor >= 2);
};
const appendFsync = async () => ((await redis.config("GET", "appendfsync")) as string[])[1];

describe("fsync", () => {
  afterEach(async () => {
    await redis.config("SET", "appendfsync", "everysec");
  });

  test("an answer is on Redis's disk; Redis restarted, it is made sure of anew", async () => {
    const durability = await open("fsync");
    for (const round of [1, 2]) {
      if (!(await hasWaitAof())) expect(await appendFsync()).toBe("always");
      const entry = await write(0);
      await durability.keep(async () => ({ answer: round, entries: [entry], repeatedIn: none }));
      await server.kill();
      await server.start();
      expect((await readStreamEnd(redis, 0)).streamId).toBe(entry.streamId);
      await expect
        .poll(
          () =>
            durability
              .keep(async () => ({ answer: "kept", entries: [], repeatedIn: () => [0] }))
              .catch(() => "not"),
          { timeout: 5_000 },
        )
        .toBe("kept");
    }
  });

  test("Redis lost between the write and its sync is 503", async () => {
    const durability = await open("fsync");
    const kept = durability.keep(async () => {
      const entry = await write(0);
      await server.kill();
      await server.start();
      return { answer: 0, entries: [entry], repeatedIn: none };
    });
    await expect(kept).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("1,000 at once share their syncs", async () => {
    const durability = await open("fsync");
    const entry = await write(0);
    const kept = Array.from({ length: 1_000 }, (_, index) =>
      durability.keep(async () => ({ answer: index, entries: [entry], repeatedIn: none })),
    );
    expect(await Promise.all(kept)).toHaveLength(1_000);
  });

  test("without an append only file the process does not start, and says which setting", async () => {
    await redis.config("SET", "appendonly", "no");
    await expect(open("fsync")).rejects.toThrow(/appendonly yes/);
    await redis.config("SET", "appendonly", "yes");
    // Until its first file is written Redis cannot be stopped in order.
    await expect.poll(() => redis.info("persistence")).toContain("aof_rewrite_in_progress:0");
    await expect.poll(() => redis.info("persistence")).toContain("aof_rewrite_scheduled:0");
  });

  test("where appendfsync may not be set and there is no WAITAOF, it does not start either", async () => {
    await redis.acl("SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", "-config|set");
    const url = new URL(server.url);
    url.username = "limited";
    url.password = "secret";
    if (await hasWaitAof()) await open("fsync", url.href);
    else {
      await expect(open("fsync", url.href)).rejects.toThrow(/appendfsync always/);
      await redis.config("SET", "appendfsync", "always");
      await open("fsync", url.href);
    }
  });
});
