import { finished } from "node:stream/promises";
import type { Client } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { copyTable } from "../database.ts";
import { accountIdOf } from "../generator/make-bodies.ts";
import { writeNextId } from "../generator/renew-ids.ts";

const ROWS_PER_CHUNK = 5_000;
const PG_EPOCH_MS = Date.UTC(2000, 0, 1);
const ID_TAIL = "-1a2b-4c3d-8e4f-5a6b7c8d9e0f";

/**
 * Bare COPY of `count` rows, as many as a row of the benchmark stored, with the same columns, keys and width: one
 * connection, one command, unsorted, in binary. @returns rows per second, the commit included.
 */
export async function measureCopy(sql: Client, count: number, accounts: number): Promise<number> {
  await sql.query(copyTable.create);
  await sql.query("checkpoint");
  const source = { next: Math.floor(Math.random() * 2 ** 32) };
  const { bytes, idOffsets } = makeChunk(accounts);
  const rowBytes = bytes.length / ROWS_PER_CHUNK;
  const startedAtMs = performance.now();
  const stream = sql.query(copyFrom(copyTable.copy));
  stream.write(Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)]));
  for (let left = count; left > 0; left -= ROWS_PER_CHUNK) {
    for (const at of idOffsets) writeNextId(bytes, at, source);
    const rows = Math.min(left, ROWS_PER_CHUNK);
    const part = Buffer.from(bytes.subarray(0, rows * rowBytes)); // the stream keeps it for a while
    if (!stream.write(part)) await new Promise((resolve) => stream.once("drain", resolve));
  }
  stream.end(Buffer.from([0xff, 0xff]));
  await finished(stream);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  await sql.query(`drop table ${copyTable.name}`);
  return count / seconds;
}

/** Rows in the binary format of COPY, each as long as the others; their accounts in no order. */
function makeChunk(accounts: number): { bytes: Buffer; idOffsets: number[] } {
  const instant = Buffer.alloc(8);
  instant.writeBigInt64BE(BigInt(Date.now() - PG_EPOCH_MS) * 1_000n);
  const quantity = Buffer.alloc(8);
  quantity.writeBigInt64BE(1n);
  const rows = Array.from({ length: ROWS_PER_CHUNK }, () => {
    const accountId = accountIdOf(Math.floor(Math.random() * accounts));
    const values = [Buffer.from(accountId), Buffer.from("events"), Buffer.from(`~~~~~~~~${ID_TAIL}`)];
    const fields = [...values, quantity, instant, instant].map((value) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(value.length);
      return Buffer.concat([length, value]);
    });
    return Buffer.concat([Buffer.from([0, 7]), ...fields, Buffer.from([0xff, 0xff, 0xff, 0xff])]);
  });
  const rowBytes = rows[0]?.length ?? 0;
  const idOffset = rows[0]?.indexOf("~~~~~~~~") ?? 0;
  return { bytes: Buffer.concat(rows), idOffsets: rows.map((_, index) => index * rowBytes + idOffset) };
}
