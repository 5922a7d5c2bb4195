import { AppError, batchEventsMax } from "@driftlock/contracts";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { textOfBody } from "../plugins/json-body.ts";
import { createLineParser } from "./parse-lines.ts";
import {
  cloudEventBatchType,
  cloudEventType,
  itemsOfJson,
  tooManyEvents,
  UnreadableItem,
  type UsageItems,
} from "./parse-usage-body.ts";
import { createBodyReader } from "./read-body.ts";

const jsonType = "application/json";
const ndjsonType = "application/x-ndjson";

/**
 * Makes `request.body` of usage's routes the `UsageItems` of the body, whatever its form and encoding. Nothing is
 * decided of a body before its end: one that breaks off has counted nothing.
 */
export function addUsageBodyParsers(app: FastifyInstance): void {
  const bodies = createBodyReader();
  app.addHook("preParsing", ({ raw }, reply, _payload, done) => {
    reply.raw.on("close", () => bodies.release(raw));
    done();
  });

  const parseJson = app.getDefaultJsonParser("error", "error");
  const parse = (request: FastifyRequest, text: string): unknown => {
    let parsed: { fault: Error | null; json?: unknown } = { fault: null };
    // It calls back at once.
    void parseJson(request, text, (fault, json) => (parsed = { fault, json }));
    if (parsed.fault !== null) throw parsed.fault;
    return parsed.json;
  };

  const readJson = (request: FastifyRequest, _payload: unknown, done: BodyDone): void => {
    const chunks: Buffer[] = [];
    bodies.read(
      request.raw,
      (chunk) => void chunks.push(chunk),
      settle(done, () => itemsOfJson(mediaTypeOf(request), parse(request, textOfBody(joinChunks(chunks))))),
    );
  };

  const readLines = (request: FastifyRequest, _payload: unknown, done: BodyDone): void => {
    const items: unknown[] = [];
    const lines = createLineParser((item) => {
      if (items.length === batchEventsMax) throw tooManyEvents();
      items.push(item);
    });
    bodies.read(
      request.raw,
      lines.push,
      settle(done, () => {
        lines.end();
        if (items.length > 0 && items.every((item) => item instanceof UnreadableItem))
          throw new AppError("MALFORMED_BODY", "No line of the body is valid JSON; send one event a line.");
        return { isSingle: false, items };
      }),
    );
  };

  app.removeContentTypeParser(jsonType);
  app.addContentTypeParser([jsonType, cloudEventType, cloudEventBatchType], readJson);
  app.addContentTypeParser(ndjsonType, readLines);
}

const joinedBytesMax = 512 * 1024;
const joined = Buffer.allocUnsafeSlow(joinedBytesMax);

/** A body's pieces as one: good until the next is joined. Most fit a buffer that is used again (ADR 0035). */
function joinChunks(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  if (chunks.reduce((bytes, { length }) => bytes + length, 0) > joinedBytesMax) return Buffer.concat(chunks);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(joined, at);
  return joined.subarray(0, at);
}

type BodyDone = (error: Error | null, items?: UsageItems) => void;

/** What to call at a body's end: with its items, or with what is wrong with it. */
const settle =
  (done: BodyDone, itemsOf: () => UsageItems) =>
  (error: Error | null): void => {
    if (error !== null) return done(error);
    let items: UsageItems;
    try {
      items = itemsOf();
    } catch (fault) {
      return done(fault as Error);
    }
    done(null, items);
  };

function mediaTypeOf({ headers }: FastifyRequest): string {
  const type = headers["content-type"] ?? "";
  return type === jsonType ? type : (type.split(";")[0]?.trim().toLowerCase() ?? "");
}
