import { AppError } from "@driftlock/contracts";
import { Redis } from "ioredis";

/**
 * One unbroken connection. While it answers, the server is the one that it was when the connection was made, and has
 * forgotten nothing since: a server that was killed, restarted or replaced closes it.
 */
export interface ServerLife<Prepared> {
  readonly redis: Redis;
  readonly prepared: Prepared;
  /** Aborted when the connection is lost. */
  readonly ended: AbortSignal;
}

export interface Witness<Prepared> {
  /** Resolves with the first life; rejects with the first thing that `prepare` throws. */
  ready(): Promise<void>;
  /** The present life. @throws UNAVAILABLE where there is none. */
  life(): ServerLife<Prepared>;
  close(): void;
}

interface WitnessOptions<Prepared> {
  url: string;
  connectionName: string;
  /** Runs at the beginning of each life, which is used from its end on; what it throws ends the life. */
  prepare: (redis: Redis) => Promise<Prepared>;
  onConnectionError: (error: Error) => void;
}

const connectTimeoutMs = 2_000;
/** Above what a command of ours is told to block for. */
const commandTimeoutMs = 12_000;
const reconnectMsMax = 1_000;

/** Connects in the background and again for ever. A command never outlives its connection: it is not sent again. */
export function createWitness<Prepared>({
  url,
  connectionName,
  prepare,
  onConnectionError,
}: WitnessOptions<Prepared>): Witness<Prepared> {
  const redis = new Redis(url, {
    connectionName,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    retryStrategy: (tries) => Math.min(50 * tries, reconnectMsMax),
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
  });
  let current: ServerLife<Prepared> | null = null;
  let ending = new AbortController();
  const first = Promise.withResolvers<void>();
  first.promise.catch(() => {});

  redis.on("error", onConnectionError);
  redis.on("ready", () => {
    const { signal } = ending;
    void (async () => {
      const prepared = await prepare(redis);
      if (signal.aborted) return;
      current = { redis, prepared, ended: signal };
      first.resolve();
    })().catch((error: unknown) => {
      if (signal.aborted) return;
      onConnectionError(error as Error);
      first.reject(error);
      redis.disconnect(true);
    });
  });
  redis.on("close", () => {
    current = null;
    ending.abort();
    ending = new AbortController();
  });

  return {
    ready: () => first.promise,
    life: () => {
      if (current === null)
        throw new AppError("UNAVAILABLE", "Redis cannot be reached; try again.", { retryAfterSeconds: 2 });
      return current;
    },
    close: () => {
      first.reject(new Error("closed"));
      redis.disconnect();
    },
  };
}
