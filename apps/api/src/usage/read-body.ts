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
   * Hands out a usage body piece by piece, decompressed; resolves at its end. Bytes count against the limits as they
   * are inflated. The connection outlives a refusal: what is still to come is read and thrown away.
   * @throws MALFORMED_BODY for one that is cut off or not of its encoding, BODY_TOO_LARGE, UNAVAILABLE for one too many
   * at the same time, and whatever `take` throws.
   */
  read(request: IncomingMessage, take: (chunk: Buffer) => void): Promise<void>;
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
    read: async (request, take) => {
      if (Number(request.headers["content-length"] ?? 0) > batchBytesMax) throw tooLarge();
      await consume(request, (chunk) => {
        admit(request, chunk);
        take(chunk);
      });
    },
    release: (request) => {
      inHandBytes -= bytesOf.get(request) ?? 0;
      bytesOf.delete(request);
    },
  };
}

function consume(request: IncomingMessage, take: (chunk: Buffer) => void): Promise<void> {
  const encoding = encodingOf(request.headers["content-encoding"]) as ContentEncoding | null;
  const inflater = encoding === null ? null : createInflater(encoding);
  const source: Readable = inflater ?? request;
  let receivedBytes = 0;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      source.removeAllListeners("data");
      if (inflater !== null) {
        request.unpipe(inflater);
        request.removeListener("data", count);
        inflater.destroy();
      }
      request.resume();
      reject(error);
    };
    const count = (chunk: Buffer): void => void (receivedBytes += chunk.length);
    source.on("data", (chunk: Buffer) => {
      try {
        take(chunk);
      } catch (error) {
        fail(error);
      }
    });
    // Node's inflater ends at the end of a frame and is silent about what follows.
    const checkEnd = (): void => {
      if (inflater !== null && inflater.bytesWritten < receivedBytes)
        fail(malformed(`The body goes on behind the end of its ${encoding} data; send it as one frame.`));
      else resolve();
    };
    source.on("end", () => {
      if (request.readableEnded) checkEnd();
      else request.on("end", checkEnd).resume();
    });
    request.on("error", () => fail(malformed("The body ended before it was complete.")));
    request.on("close", () => {
      if (!request.complete) fail(malformed("The body ended before it was complete."));
    });
    if (inflater === null) return;
    request.on("data", count);
    inflater.on("error", () =>
      fail(malformed(`The body is cut off, is not ${encoding}, or needs a window of more than 8 MiB.`)),
    );
    request.pipe(inflater);
  });
}

const createInflater = (encoding: ContentEncoding) =>
  encoding === "gzip"
    ? createGunzip()
    : createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLogMax } });

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
