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

/** Who lives at one instant. */
export interface Lives<Prepared> {
  /** Of the server that has the partition. @throws UNAVAILABLE where that is not known. */
  of(partition: number): ServerLife<Prepared>;
}

export interface Witness<Prepared> {
  /** Resolves when every master has a life; rejects with the first thing that `prepare` throws. */
  ready(): Promise<void>;
  /** The present lives. @throws UNAVAILABLE where there is none. */
  lives(): Lives<Prepared>;
  close(): void;
}

export interface WitnessOptions<Prepared> {
  url: string;
  connectionName: string;
  /** Runs at the beginning of each life, which is used from its end on; what it throws ends the life. */
  prepare: (redis: Redis) => Promise<Prepared>;
  onConnectionError: (error: Error) => void;
}

export interface NodeWitness<Prepared> {
  /** Resolves with the first life; rejects with the first thing that `prepare` throws, and at the close. */
  ready(): Promise<void>;
  /** The present life; null where there is none. */
  life(): ServerLife<Prepared> | null;
  /** Ends the present life and begins another. */
  renew(): void;
  close(): void;
}

const connectTimeoutMs = 2_000;
/** Above what a command of ours is told to block for. */
const commandTimeoutMs = 12_000;
const reconnectMsMax = 1_000;

/** Of one server. Connects in the background and again for ever. A command never outlives its connection: it is not sent again. */
export function createNodeWitness<Prepared>({
  url,
  connectionName,
  prepare,
  onConnectionError,
}: WitnessOptions<Prepared>): NodeWitness<Prepared> {
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
  const end = () => {
    current = null;
    ending.abort();
    ending = new AbortController();
  };
  redis.on("close", end);

  return {
    ready: () => first.promise,
    life: () => current,
    renew: () => {
      // At once: the socket closes a moment later.
      end();
      redis.disconnect(true);
    },
    close: () => {
      first.reject(new Error("closed"));
      end();
      redis.disconnect();
    },
  };
}
