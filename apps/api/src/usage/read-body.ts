import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { AppError, batchBytesMax } from "@driftlock/contracts";
import { type ContentEncoding, encodingOf } from "../plugins/content-encoding.ts";

/** What all bodies that have arrived and are not answered yet may hold: sixteen of the largest. */
const inHandBytesMax = 16 * batchBytesMax;
/** No frame needs more to say what 8 MiB hold, and without it one asks for 128 MiB. */
const zstdWindowLogMax = 23;

export interface BodyReader {
  /**
   * Hands out a usage body piece by piece, decompressed; `done` is called once, at its end. Bytes count against the
   * limits as they are inflated. The connection outlives a refusal: what is still to come is read and thrown away.
   * Its errors: MALFORMED_BODY for one that is cut off or not of its encoding, BODY_TOO_LARGE, UNAVAILABLE for one too
   * many at the same time, and whatever `take` throws.
   */
  read(request: IncomingMessage, take: (chunk: Buffer) => void, done: (error: Error | null) => void): void;
  /** To be called once for each request that was read, when its answer is out or its connection gone. */
  release(request: IncomingMessage): void;
}

export function createBodyReader(): BodyReader {
  const bytesOf = new WeakMap<IncomingMessage, number>();
  let inHandBytes = 0;

  function admit(request: IncomingMessage, chunk: Buffer): void {
    const bytes = (bytesOf.get(request) ?? 0) + chunk.length;
    if (bytes > batchBytesMax) throw tooLarge();
    if (inHandBytes + chunk.length > inHandBytesMax) throw tooMany();
    bytesOf.set(request, bytes);
    inHandBytes += chunk.length;
  }

  return {
    read: (request, take, done) => {
      if (Number(request.headers["content-length"] ?? 0) > batchBytesMax) return done(tooLarge());
      const admitted = (chunk: Buffer) => {
        admit(request, chunk);
        take(chunk);
      };
      const encoding = encodingOf(request.headers["content-encoding"]) as ContentEncoding | null;
      if (encoding === null) consume(request, admitted, done);
      else inflate(request, encoding, { take: admitted, done });
    },
    release: (request) => {
      inHandBytes -= bytesOf.get(request) ?? 0;
      bytesOf.delete(request);
    },
  };
}

type Take = (chunk: Buffer) => void;
type Done = (error: Error | null) => void;

function consume(request: IncomingMessage, take: Take, done: Done): void {
  const end = once(done);
  takeFrom(request, take, end);
  request.on("end", () => end(null));
  request.on("error", () => end(malformed(cutOff)));
}

function inflate(
  request: IncomingMessage,
  encoding: ContentEncoding,
  { take, done }: { take: Take; done: Done },
): void {
  const inflater = createInflater(encoding);
  let receivedBytes = 0;
  const count = (chunk: Buffer): void => void (receivedBytes += chunk.length);
  const end = once((error) => {
    if (error !== null) {
      request.unpipe(inflater);
      request.removeListener("data", count);
      inflater.destroy();
      request.resume();
    }
    done(error);
  });
  // Node's inflater ends at the end of a frame and is silent about what follows.
  const checkEnd = (): void => {
    if (inflater.bytesWritten === receivedBytes) end(null);
    else end(malformed(`The body goes on behind the end of its ${encoding} data; send it as one frame.`));
  };
  takeFrom(inflater, take, end);
  inflater.on("end", () => {
    if (request.readableEnded) checkEnd();
    else request.on("end", checkEnd).resume();
  });
  inflater.on("error", () =>
    end(malformed(`The body is cut off, is not ${encoding}, or needs a window of more than 8 MiB.`)),
  );
  request.on("data", count);
  request.on("error", () => end(malformed(cutOff)));
  request.pipe(inflater);
}

/** From the first refusal on it is read and thrown away. */
function takeFrom(source: Readable, take: Take, end: Done): void {
  let isRefused = false;
  source.on("data", (chunk: Buffer) => {
    if (isRefused) return;
    try {
      take(chunk);
    } catch (error) {
      isRefused = true;
      end(error as Error);
    }
  });
}

function once(done: Done): Done {
  let isDone = false;
  return (error) => {
    if (isDone) return;
    isDone = true;
    done(error);
  };
}

const createInflater = (encoding: ContentEncoding) =>
  encoding === "gzip"
    ? createGunzip()
    : createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLogMax } });

const cutOff = "The body ended before it was complete.";

const malformed = (detail: string) => new AppError("MALFORMED_BODY", detail);
const tooLarge = () =>
  new AppError(
    "BODY_TOO_LARGE",
    `A body may hold ${batchBytesMax / 1024 / 1024} MiB at most, decompressed; send its events in several.`,
  );
const tooMany = () =>
  new AppError("UNAVAILABLE", "Too many bodies are arriving at the same time; try again.", {
    retryAfterSeconds: 1,
  });
