import { AppError } from "@driftlock/contracts";
import {
  createWitness,
  type Lives,
  prepareFsync,
  readStreamEnd,
  type ServerLife,
  type StreamPosition,
  type Witness,
} from "@driftlock/redis";
import type { DurabilityLevel } from "@driftlock/runtime";
import { createCommitWait } from "./commit-wait.ts";
import { createSharedRound } from "./shared-round.ts";

export interface WrittenEntry extends StreamPosition {
  partition: number;
}

export interface Written<Answer> {
  answer: Answer;
  entries: readonly WrittenEntry[];
  /** The partitions of events that were known already: those who sent them first may still be waiting. */
  repeatedIn(): Iterable<number>;
}

export interface Durability {
  /** Resolves when the level can be kept; rejects where the server's settings forbid it. */
  start(): Promise<void>;
  /** Whether the call that writes keeps the level by itself, so that nobody needs to wait after it. */
  readonly isKeptByWriting: boolean;
  /**
   * Runs a call that writes, and resolves with its answer once that is as durable as the level promises.
   * @throws UNAVAILABLE where this is not known in time: what was written may be kept, and the same events sent again
   * count once.
   */
  keep<Answer>(write: () => Promise<Written<Answer>>): Promise<Answer>;
  close(): void;
}

interface Options {
  level: DurabilityLevel;
  redisUrl: string;
  /** Milliseconds that no step of the clock moves. */
  monotonicNow: () => number;
  onConnectionError: (error: Error) => void;
}

export function createDurability(options: Options): Durability {
  switch (options.level) {
    case "redis":
      return {
        start: async () => {},
        isKeptByWriting: true,
        keep: async (write) => (await write()).answer,
        close: () => {},
      };
    case "fsync":
      return createFsync(options);
    case "committed":
      return createCommitted(options);
  }
}

interface Resting<Prepared> {
  lives: Lives<Prepared>;
  entries: readonly WrittenEntry[];
  repeatedIn: readonly number[];
  /** Of all of them, each partition once, under the life of who has it. */
  partitions: ReadonlyMap<ServerLife<Prepared>, readonly number[]>;
}

/**
 * A life that began before the write and still lasts after the wait proves that it was one server all along: else a
 * server that died in between, and came back without what it had answered, would be taken for the one that has it.
 */
function createWitnessed<Prepared>(
  witness: Witness<Prepared>,
  settle: (resting: Resting<Prepared>) => Promise<unknown>,
): Durability {
  return {
    start: witness.ready,
    isKeptByWriting: false,
    keep: async (write) => {
      const lives = witness.lives();
      const written = await write();
      const repeatedIn = [...new Set(written.repeatedIn())];
      const partitions = byLife(lives, [...written.entries.map(({ partition }) => partition), ...repeatedIn]);
      await settle({ lives, entries: written.entries, repeatedIn, partitions });
      if ([...partitions.keys()].some(({ ended }) => ended.aborted)) throw lost();
      return written.answer;
    },
    close: witness.close,
  };
}

const byLife = <Prepared>(lives: Lives<Prepared>, partitions: readonly number[]) =>
  Map.groupBy(new Set(partitions), (partition) => lives.of(partition));

const lost = () =>
  new AppError("UNAVAILABLE", "Redis was lost meanwhile; send the same events again: they count once.", {
    retryAfterSeconds: 1,
  });

function createFsync({ redisUrl, onConnectionError }: Options): Durability {
  const witness = createWitness({
    url: redisUrl,
    connectionName: "driftlock-api-fsync",
    prepare: async (redis) => createSharedRound<number>(await prepareFsync(redis)),
    onConnectionError,
  });
  return createWitnessed(witness, ({ partitions }) =>
    Promise.all(Array.from(partitions, ([{ prepared: sync }, ofIt]) => sync(ofIt))),
  );
}

function createCommitted({ redisUrl, monotonicNow, onConnectionError }: Options): Durability {
  const witness = createWitness({
    url: redisUrl,
    connectionName: "driftlock-api-committed",
    prepare: async (redis) => redis,
    onConnectionError,
  });
  const wait = createCommitWait({ monotonicNow });
  return createWitnessed(witness, async ({ lives, entries, repeatedIn }) => {
    const ends = repeatedIn.map(async (partition) => ({
      partition,
      ...(await readStreamEnd(lives.of(partition).redis, partition)),
    }));
    await wait(lives, [...entries, ...(await Promise.all(ends))]);
  });
}
