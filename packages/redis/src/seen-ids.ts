// The guard that knows an id again for ten minutes and more (ADR 0010): what its hashes hold of an event.
import { hash } from "node:crypto";
import type { UsageEvent } from "@driftlock/contracts";
import { keys } from "./keys.ts";
import { writeText } from "./record.ts";
import type { RespWriter } from "./resp-writer.ts";

const bucketMs = 10 * 60 * 1000;
/** For so long every id is known, by wall time from when it was accepted; some for twice as long. */
export const seenMsMin = bucketMs;
export const seenKeptSeconds = (2 * bucketMs) / 1000 + 60;
/** Longer ones are hashed: they would cost more memory than they are worth. */
const seenUnitsMax = 96;
const propertiesUnitsMax = 32;

const space = 0x20;
const numberSign = 0x23;
const uuidUnits = 36;
const uuidBytes = 16;
/** Where the two digits of each of a UUID's bytes begin. */
const digitsOfByte = Uint8Array.from([0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]);
const hyphens = [8, 13, 18, 23];
const digitOfUnit = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) digitOfUnit[digit.toString(16).charCodeAt(0)] = digit;

/** The buckets of ids that are seen at present, the one that is written first. */
export const seenKeys = (partition: number, wallNowMs: number): [string, string] => {
  const bucket = Math.floor(wallNowMs / bucketMs);
  return [keys.seen(partition, bucket), keys.seen(partition, bucket - 1)];
};

type Identity = Pick<UsageEvent, "accountId" | "id">;

/**
 * What an event is seen by: its account, which holds neither space nor "#", and " " with its id as it is or "#" with the
 * 16 bytes of an id that is a UUID in small letters, which take a third less of Redis' time and memory than its text
 * (ADR 0036). "#" with a hash where both together are long.
 */
export function seenField(event: Identity): Buffer {
  if (isLong(event)) return Buffer.from(hashedField(event));
  const field = Buffer.allocUnsafe(3 * (event.accountId.length + event.id.length) + 1);
  return field.subarray(0, writeShortField(field, 0, event));
}

/** The same as an argument of a call. */
export function writeSeenField(call: RespWriter, event: Identity): void {
  const { accountId, id } = event;
  call.reserve(3 * (accountId.length + id.length) + 32);
  if (isLong(event)) {
    call.text(hashedField(event));
    return;
  }
  const idUnits = id.length === uuidUnits ? uuidBytes : id.length;
  call.argument(accountId.length + 1 + idUnits, writeShortField, event);
}

const isLong = ({ accountId, id }: Identity): boolean => accountId.length + id.length > seenUnitsMax;

const hashedField = ({ accountId, id }: Identity): string => `#${shortHash(`${accountId} ${id}`)}`;

function writeShortField(target: Buffer, at: number, { accountId, id }: Identity): number {
  const separatorAt = writeText(target, at, accountId);
  const idAt = separatorAt + 1;
  const isPacked = id.length === uuidUnits && packUuid(target, idAt, id);
  target[separatorAt] = isPacked ? numberSign : space;
  return isPacked ? idAt + uuidBytes : writeText(target, idAt, id);
}

/** @returns false where the text is no UUID in small letters: what was written then means nothing. */
function packUuid(target: Buffer, at: number, text: string): boolean {
  for (let byte = 0; byte < uuidBytes; byte++) {
    const place = digitsOfByte[byte] ?? 0;
    const high = digitOfUnit[text.charCodeAt(place)] ?? -1;
    const low = digitOfUnit[text.charCodeAt(place + 1)] ?? -1;
    if (high < 0 || low < 0) return false;
    target[at + byte] = (high << 4) | low;
  }
  return hyphens.every((place) => text.charCodeAt(place) === 0x2d);
}

/** What must be the same in a repeat: whole where it is short, so that the usual event needs no hash. */
export function payloadOfEvent({ metric, quantity, propertiesJson }: UsageEvent): string {
  if (propertiesJson === null) return `${metric}:${quantity}`;
  const isShort = propertiesJson.length <= propertiesUnitsMax;
  return `${metric}:${quantity}:${isShort ? propertiesJson : shortHash(propertiesJson)}`;
}

/** 132 bits: an accidental match would lose an event. */
const shortHash = (text: string): string => hash("sha256", text, "base64url").slice(0, 22);
