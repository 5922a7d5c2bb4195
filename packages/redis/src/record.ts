import type { UsageEvent } from "@driftlock/contracts";

/**
 * An accepted event lies in the stream as the tuple that PostgreSQL's binary COPY takes for `usage_records (account_id,
 * metric, event_id, quantity, occurred_at, received_at, properties)`, so that nobody has to write it a second time.
 */
export interface StreamRow {
  readonly accountId: string;
  readonly metric: string;
  readonly id: string;
  readonly quantity: number;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  readonly propertiesJson: string | null;
  /** The tuple, a view of `data`. */
  readonly bytes: Buffer;
  /** Where the tuple lies: `data` from `start` to `end`. */
  readonly data: Buffer;
  readonly start: number;
  readonly end: number;
  /** Where the event id's bytes lie in `data`: for sorting without making strings. */
  readonly idStart: number;
  readonly idEnd: number;
  /** Copies the tuple to where it lies from now on. @returns where it ends there. */
  moveTo(target: Buffer, at: number): number;
}

const fieldCount = 7;
/** Unix milliseconds of 2000-01-01, from which Postgres counts microseconds. */
const postgresEpochMs = 946_684_800_000;
const jsonbVersion = 1;
const word = 0x1_0000_0000;
const fixedBytes = 2 + 4 * fieldCount + 3 * 8 + 1;

/** Room that is enough for an event's row: a UTF-16 unit takes three bytes at most. */
export const rowBytesMax = ({ accountId, metric, id, propertiesJson }: UsageEvent): number =>
  fixedBytes + 3 * (accountId.length + metric.length + id.length + (propertiesJson?.length ?? 0));

/** Writes an event's row at `at`. @returns where it ends. `target` has room of `rowBytesMax`. */
export function writeRow(target: Buffer, at: number, event: UsageEvent): number {
  target[at] = 0;
  target[at + 1] = fieldCount;
  let end = writeTextField(target, at + 2, event.accountId);
  end = writeTextField(target, end, event.metric);
  end = writeTextField(target, end, event.id);
  end = writeInt64Field(target, end, event.quantity);
  end = writeInt64Field(target, end, (event.occurredAtMs - postgresEpochMs) * 1000);
  end = writeInt64Field(target, end, (event.receivedAtMs - postgresEpochMs) * 1000);
  if (event.propertiesJson === null) return writeInt32(target, end, -1);
  target[end + 4] = jsonbVersion;
  const jsonEnd = writeText(target, end + 5, event.propertiesJson);
  writeInt32(target, end, jsonEnd - end - 4);
  return jsonEnd;
}

/** `Buffer#write` without its looking at its arguments, which takes as long as the writing. */
type Utf8Buffer = Buffer & { utf8Write(text: string, at: number): number };

/** Writes text as UTF-8. @returns where it ends. A few ASCII letters are quicker here than by a call. */
export function writeText(target: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > 12) return at + (target as Utf8Buffer).utf8Write(text, at);
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return at + target.write(text, at);
    target[at + index] = unit;
  }
  return at + length;
}

function writeTextField(target: Buffer, at: number, text: string): number {
  const end = writeText(target, at + 4, text);
  writeInt32(target, at, end - at - 4);
  return end;
}

function writeInt32(target: Buffer, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}

function writeInt64Field(target: Buffer, at: number, value: number): number {
  writeInt32(target, at, 8);
  const high = Math.floor(value / word);
  writeInt32(target, at + 4, high);
  return writeInt32(target, at + 8, value - high * word);
}

/**
 * Reads an entry's field `d` and appends its rows. All is checked at once; what is no place in `data` is read when it is
 * asked for, since rows wait for their commit by the ten thousand. @returns `rows`. @throws TypeError where it holds
 * anything but such rows: none of them is appended then.
 */
export function decodeRows(data: Buffer, rows: StreamRow[] = []): StreamRow[] {
  const before = rows.length;
  try {
    for (let at = 0; at < data.length; ) {
      const row = new Row(data, at, rows.at(-1));
      rows.push(row);
      at = row.end;
    }
    return rows;
  } catch (error) {
    rows.length = before;
    throw error;
  }
}

class Row implements StreamRow {
  data: Buffer;
  start: number;
  end: number;
  readonly accountId: string;
  readonly metric: string;
  idStart: number;
  idEnd: number;

  constructor(data: Buffer, start: number, before: StreamRow | undefined) {
    const room = data.length;
    if (start + 2 > room || data[start] !== 0 || data[start + 1] !== fieldCount) throw notRow(start);
    const accountEnd = fieldEnd(data, start + 2);
    const metricEnd = fieldEnd(data, accountEnd);
    const idEnd = fieldEnd(data, metricEnd);
    const propertiesAt = idEnd + 36;
    if (propertiesAt + 4 > room) throw notRow(start);
    this.data = data;
    this.start = start;
    this.idStart = metricEnd + 4;
    this.idEnd = idEnd;
    this.accountId = readText(before?.accountId, data, start + 6, accountEnd);
    this.metric = readText(before?.metric, data, accountEnd + 4, metricEnd);
    const isNull = data.readInt32BE(propertiesAt) === -1;
    this.end = isNull ? propertiesAt + 4 : fieldEnd(data, propertiesAt);
    if (!isNull && (this.end === propertiesAt + 4 || data[propertiesAt + 4] !== jsonbVersion))
      throw notRow(start);
    for (let at = idEnd; at < propertiesAt; at += 12) if (data.readInt32BE(at) !== 8) throw notRow(at);
    const { quantity } = this;
    if (quantity < 0 || !Number.isSafeInteger(quantity)) throw notRow(start);
    if (!Number.isInteger(this.occurredAtMs) || !Number.isInteger(this.receivedAtMs)) throw notRow(start);
  }

  moveTo(target: Buffer, at: number): number {
    this.data.copy(target, at, this.start, this.end);
    const by = at - this.start;
    this.data = target;
    this.start += by;
    this.end += by;
    this.idStart += by;
    this.idEnd += by;
    return this.end;
  }

  get quantity(): number {
    return readInt64(this.data, this.idEnd + 4);
  }

  get occurredAtMs(): number {
    return readInt64(this.data, this.idEnd + 16) / 1000 + postgresEpochMs;
  }

  get receivedAtMs(): number {
    return readInt64(this.data, this.idEnd + 28) / 1000 + postgresEpochMs;
  }

  get id(): string {
    return this.data.toString("utf8", this.idStart, this.idEnd);
  }

  get propertiesJson(): string | null {
    const at = this.idEnd + 36;
    return this.end === at + 4 ? null : this.data.toString("utf8", at + 5, this.end);
  }

  get bytes(): Buffer {
    return this.data.subarray(this.start, this.end);
  }
}

/** Where the field at `at` ends; a null or one that reaches past the data is none of ours. */
function fieldEnd(data: Buffer, at: number): number {
  const length = at + 4 <= data.length ? data.readInt32BE(at) : -1;
  if (length < 0 || at + 4 + length > data.length) throw notRow(at);
  return at + 4 + length;
}

const readInt64 = (data: Buffer, at: number): number =>
  data.readInt32BE(at) * word + data.readUInt32BE(at + 4);

const keptTexts = 4096;
const keptUnitsMax = 64;
const texts: (string | undefined)[] = Array.from({ length: keptTexts });

/**
 * These bytes as text. Accounts and metrics come again and again: most often `before`, which is the row before's, or else
 * a string that was made earlier.
 */
function readText(before: string | undefined, data: Buffer, start: number, end: number): string {
  if (isText(before, data, start, end)) return before;
  if (end - start > keptUnitsMax) return data.toString("utf8", start, end);
  let hash = end - start;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (data[at] ?? 0), 0x01000193);
  const place = (hash ^ (hash >>> 15)) & (keptTexts - 1);
  const known = texts[place];
  if (isText(known, data, start, end)) return known;
  const text = data.toString("utf8", start, end);
  texts[place] = text;
  return text;
}

function isText(text: string | undefined, data: Buffer, start: number, end: number): text is string {
  if (text?.length !== end - start) return false;
  // Bytes past ASCII are no units of a text: none of them is taken for one.
  for (let at = start; at < end; at++) {
    const byte = data[at] ?? 0;
    if (byte > 0x7f || text.charCodeAt(at - start) !== byte) return false;
  }
  return true;
}

const notRow = (at: number): TypeError => new TypeError(`not a row of usage at byte ${at}`);
