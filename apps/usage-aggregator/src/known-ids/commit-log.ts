import type { StreamPosition } from "@driftlock/redis";
import type { IdHashes } from "./id-hashes.ts";
import { createIdSet, type IdSet } from "./id-set.ts";

/** A commit of one partition of the stream: which generation it wrote, and from where to where the position moved. */
export interface Commit {
  partition: number;
  generation: number;
  from: StreamPosition;
  to: StreamPosition;
}

interface LoggedIds {
  generation: number;
  from: StreamPosition;
  to: StreamPosition;
  /** Null: not all of them are known. */
  ids: IdSet | null;
}

/** At some 12 bytes each; past it not all ids of a generation are known. */
const idsMax = 16_000_000;

/**
 * The ids that this process has committed, by partition and generation. Positions join: where a commit does not follow
 * from the one before (an answer was lost, somebody else wrote in between), the generation's ids are not all known.
 */
export interface CommitLog {
  append(commit: Commit, hashes: IdHashes): void;
  /** All ids of the generation in this partition, where they are known from position to position. */
  find(wanted: Commit): IdSet | null;
  /** Lets go of all others. */
  retain(isWanted: (partition: number, generation: number) => boolean): void;
}

const noIds = createIdSet();

export function createCommitLog(): CommitLog {
  const byPartition = new Map<number, LoggedIds[]>();

  const countAll = () =>
    [...byPartition.values()].flat().reduce((count, { ids }) => count + (ids?.count ?? 0), 0);

  return {
    append: ({ partition, generation, from, to }, hashes) => {
      const logs = byPartition.get(partition) ?? [];
      byPartition.set(partition, logs);
      let log = logs.find((each) => each.generation === generation);
      if (log === undefined) {
        log = { generation, from, to: from, ids: createIdSet() };
        logs.push(log);
      }
      if (!isSame(log.to, from) || countAll() + hashes.length / 2 > idsMax) log.ids = null;
      log.ids?.add(hashes);
      log.to = to;
    },
    find: ({ partition, generation, from, to }) => {
      const log = byPartition.get(partition)?.find((each) => each.generation === generation);
      if (log === undefined) return isSame(from, to) ? noIds : null;
      return isSame(log.from, from) && isSame(log.to, to) ? log.ids : null;
    },
    retain: (isWanted) => {
      for (const [partition, logs] of byPartition) {
        const wanted = logs.filter(({ generation }) => isWanted(partition, generation));
        if (wanted.length > 0) byPartition.set(partition, wanted);
        else byPartition.delete(partition);
      }
    },
  };
}

const isSame = (one: StreamPosition, other: StreamPosition): boolean =>
  one.epoch === other.epoch && one.streamId === other.streamId;
