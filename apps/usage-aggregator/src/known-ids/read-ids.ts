import type { Readable } from "node:stream";
import { partitionOf } from "@driftlock/redis";
import { hashId, seedByAccount } from "./id-hashes.ts";
import { createIdSet, type IdSet } from "./id-set.ts";

/** Signature, flags, and the length of an extension that there is none of. */
const headerBytes = 19;
const idsPerAdd = 4096;

/**
 * Reads account and event ids as PostgreSQL's binary COPY writes them, and hashes those of the wanted partitions.
 * @throws TypeError where the stream is anything else or ends early.
 */
export async function readIds(
  stream: Readable,
  { partitions, wanted }: { partitions: number; wanted: ReadonlySet<number> },
): Promise<Map<number, IdSet>> {
  const sets = new Map([...wanted].map((partition) => [partition, createIdSet()]));
  const buffers = new Map([...wanted].map((partition) => [partition, new Uint32Array(idsPerAdd * 2)]));
  const used = new Map<number, number>();
  const seed = new Uint32Array(2);
  let accountId = "";
  let partition = -1;

  function take(data: Buffer, accountStart: number, accountEnd: number, end: number): void {
    const id = data.toString("latin1", accountStart, accountEnd);
    if (id !== accountId) {
      accountId = id;
      partition = partitionOf(id, partitions);
      seedByAccount(seed, data, accountStart, accountEnd);
    }
    const buffer = buffers.get(partition);
    if (buffer === undefined) return;
    const index = used.get(partition) ?? 0;
    hashId(buffer, index, { data, start: accountEnd + 4, end, seed });
    used.set(partition, (index + 1) % idsPerAdd);
    if (index + 1 === idsPerAdd) sets.get(partition)?.add(buffer);
  }

  let rest: Buffer = Buffer.alloc(0);
  let isAfterHeader = false;
  let isEnded = false;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    if (!isAfterHeader && data.length >= headerBytes) {
      at = headerBytes + data.readInt32BE(15);
      isAfterHeader = true;
    }
    while (isAfterHeader && at + 2 <= data.length) {
      const fields = data.readInt16BE(at);
      if (fields === -1) {
        isEnded = true;
        break;
      }
      if (fields !== 2) throw new TypeError(`a row of ${fields} fields where ids were expected`);
      if (at + 6 > data.length) break;
      const accountEnd = at + 6 + data.readInt32BE(at + 2);
      if (accountEnd + 4 > data.length) break;
      const end = accountEnd + 4 + data.readInt32BE(accountEnd);
      if (end > data.length) break;
      take(data, at + 6, accountEnd, end);
      at = end;
    }
    rest = data.subarray(at);
  }
  if (!isEnded) throw new TypeError("the ids ended early");
  for (const [each, ids] of sets)
    ids.add(buffers.get(each)?.subarray(0, (used.get(each) ?? 0) * 2) ?? new Uint32Array());
  return sets;
}
