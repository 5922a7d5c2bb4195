import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import {
  batchBytesMax,
  batchEventsMax,
  type UsageEventInput,
  type UsageResultDto,
} from "@driftlock/contracts";
import { DriftLockError } from "./errors.ts";
import { createPostJson, type GatewayOptions } from "./gateway.ts";
import { openJournal } from "./usage-journal.ts";
import { createSendUsage } from "./usage-sender.ts";
import { uuidV7 } from "./uuid-v7.ts";

const eventBytesMax = 16 * 1024;
const batchOverheadBytes = Buffer.byteLength('{"events":[]}');

/** A usage event without what the client can fill in. `accountId` is for keys of scope `service` alone. */
export type UsageToRecord = Omit<UsageEventInput, "id"> & { id?: string };

/** An event that the gateway will not take: `outcome` and `code` as in the answer of `POST /billing/usage`. */
export interface RejectedUsage extends Pick<UsageResultDto, "outcome" | "code" | "detail"> {
  event: UsageEventInput;
}

export interface UsageClientOptions extends GatewayOptions {
  /** Events a request, 1 to 10,000. (Default: 1,000) */
  batchEventsMax?: number;
  /** How long an event waits for others at most. (Default: 1,000) */
  flushIntervalMs?: number;
  /** Events held while they are not answered; past it `record` throws BUFFER_FULL. (Default: 100,000) */
  bufferEventsMax?: number;
  /**
   * A folder that holds them too, of this producer alone: what its process leaves behind when it dies is sent by the
   * next one, with the same ids. (Default: memory only)
   */
  bufferFolder?: string;
  /**
   * Stamps what brings no timestamp, so that usage that is sent late counts when it happened. `null` leaves it to the
   * gateway, as on the simulator, whose clock is moved. (Default: the machine's time)
   */
  now?: (() => Date) | null;
  /** (Default: UUIDv7) */
  newId?: () => string;
  /** Told once for each batch. (Default: a warning of the process, so that nothing is refused unseen) */
  onRejected?: (rejected: RejectedUsage[]) => void;
}

export interface UsageClient {
  /**
   * Takes an event and returns its id at once; it is sent in the background. Without `bufferFolder` the death of this
   * process loses what is not answered, unless it is kept with its id and recorded again, which counts once.
   * @throws DriftLockError BUFFER_FULL, INVALID_EVENT, CLOSED, or what stopped the client; the event is not taken then.
   */
  record(event: UsageToRecord): string;
  /** Resolves when all that was recorded so far is answered, however long that takes. @throws what stopped the client. */
  flush(): Promise<void>;
  /**
   * Takes no more and sends what is left, within 20 s by default: call it before the process ends.
   * @throws NOT_SENT when the time is up, or what stopped the client; `unsent()` holds what is left.
   */
  close(options?: { withinMs?: number }): Promise<void>;
  /** What is not answered yet, oldest first. Recorded again with these ids it counts once. */
  unsent(): UsageEventInput[];
}

/**
 * Sends usage to DriftLock in batches, in order, one at a time. Nothing is dropped: an event is answered or `unsent()`.
 * @throws RangeError for a number out of its range; DriftLockError BUFFER_IN_USE.
 */
export function createUsageClient(options: UsageClientOptions): UsageClient {
  const eventsMax = inRange("batchEventsMax", options.batchEventsMax ?? 1_000, batchEventsMax);
  const flushIntervalMs = inRange("flushIntervalMs", options.flushIntervalMs ?? 1_000, 3_600_000);
  const bufferEventsMax = inRange("bufferEventsMax", options.bufferEventsMax ?? 100_000, 10_000_000);
  const now = options.now === undefined ? () => new Date() : options.now;
  const newId = options.newId ?? (() => uuidV7(Date.now(), randomBytes(10)));
  const onRejected = options.onRejected ?? warnOfRejected;
  const send = createSendUsage({
    postJson: createPostJson(options),
    pause: (ms, signal) => wait(ms, undefined, { signal }),
    random: Math.random,
  });

  const journal = options.bufferFolder === undefined ? null : openJournal(options.bufferFolder);
  const pending: string[] = [...(journal?.left ?? [])];
  const stopping = new AbortController();
  let recorded = pending.length;
  let answered = 0;
  let isClosed = false;
  let isInBackground = false;
  let failure: Error | null = null;
  let timer: NodeJS.Timeout | null = null;
  let inFlight: Promise<void> | null = null;

  async function sendBatch(): Promise<void> {
    const batch = firstBatch(pending, eventsMax);
    try {
      const { results } = await send(batch, stopping.signal);
      tell(batch, results);
      forget(batch.length);
      pending.splice(0, batch.length);
      answered += batch.length;
    } catch (error) {
      failure = error as Error;
      // Nobody may be waiting: what stops the metering is said aloud, not only to the next call.
      process.emitWarning(`DriftLock usage stopped, ${pending.length} events are unsent: ${failure.message}`);
      throw error;
    }
  }

  /** Last: a death before it sends the batch again, and what was refused is told again. */
  function forget(count: number): void {
    try {
      journal?.answered(count);
    } catch (error) {
      process.emitWarning(`${count} answered events stay on disk and may be sent again: ${String(error)}`);
    }
  }

  function tell(batch: readonly string[], results: readonly UsageResultDto[]): void {
    const rejected = results
      .filter(({ outcome }) => outcome !== "duplicate")
      .map(({ index, outcome, code, detail }) => ({
        event: parseEvent(batch[index]),
        outcome,
        code,
        detail,
      }));
    if (rejected.length === 0) return;
    try {
      onRejected(rejected);
    } catch (error) {
      process.emitWarning(`onRejected threw over ${rejected.length} refused events: ${String(error)}`);
    }
  }

  const sendNext = (): Promise<void> =>
    (inFlight ??= sendBatch().finally(() => {
      inFlight = null;
    }));

  async function sendUpTo(target: number): Promise<void> {
    while (answered < target) {
      if (failure !== null) throw failure;
      await sendNext();
    }
  }

  function schedule(): void {
    if (pending.length >= eventsMax) void sendInBackground();
    else timer ??= setTimeout(() => void sendInBackground(), flushIntervalMs);
  }

  async function sendInBackground(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (isInBackground) return;
    isInBackground = true;
    try {
      await sendUpTo(recorded);
    } catch {
      // Kept as `failure`: the next record, flush or close throws it.
    } finally {
      isInBackground = false;
    }
    if (pending.length > 0 && failure === null && !isClosed) schedule();
  }

  if (pending.length > 0) schedule();
  return {
    record: (event) => {
      if (failure !== null) throw failure;
      if (isClosed) throw new DriftLockError("CLOSED", "The usage client is closed.");
      if (pending.length >= bufferEventsMax) {
        throw new DriftLockError(
          "BUFFER_FULL",
          `${pending.length} events wait to be sent; await flush(), then record this one again.`,
        );
      }
      const { id = newId(), timestamp = now?.().toISOString(), ...rest } = event;
      const json = serialize({ ...rest, id, ...(timestamp !== undefined && { timestamp }) });
      journal?.append(json);
      pending.push(json);
      recorded++;
      schedule();
      return id;
    },
    flush: () => sendUpTo(recorded),
    close: async ({ withinMs = 20_000 } = {}) => {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      const deadline = setTimeout(() => stopping.abort(), withinMs);
      try {
        await sendUpTo(recorded);
      } finally {
        clearTimeout(deadline);
        journal?.close();
      }
    },
    unsent: () => pending.map(parseEvent),
  };
}

function serialize(event: UsageEventInput): string {
  let json: string;
  try {
    json = JSON.stringify(event);
  } catch (cause) {
    throw new DriftLockError("INVALID_EVENT", "An event that is no JSON cannot be sent.", { cause });
  }
  if (Buffer.byteLength(json) <= eventBytesMax) return json;
  throw new DriftLockError("INVALID_EVENT", `An event has ${eventBytesMax} bytes at most.`);
}

const parseEvent = (json: string | undefined): UsageEventInput =>
  JSON.parse(json ?? "null") as UsageEventInput;

/** As many of the oldest as fit a request, by count and by bytes. */
function firstBatch(pending: readonly string[], eventsMax: number): string[] {
  let bytes = batchOverheadBytes;
  let count = 0;
  for (const json of pending) {
    bytes += Buffer.byteLength(json) + 1;
    if (count === eventsMax || bytes > batchBytesMax) break;
    count++;
  }
  return pending.slice(0, count);
}

function warnOfRejected(rejected: readonly RejectedUsage[]): void {
  const codes = [...new Set(rejected.map(({ code }) => code))].join(", ");
  process.emitWarning(`DriftLock refused ${rejected.length} usage events: ${codes}`);
}

function inRange(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(`${name} is an integer from 1 to ${max}, not ${value}`);
}
