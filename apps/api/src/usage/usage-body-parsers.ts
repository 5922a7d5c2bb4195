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
  app.addHook("preParsing", async ({ raw }, reply) => {
    reply.raw.once("close", () => bodies.release(raw));
  });

  const parseJson = app.getDefaultJsonParser("error", "error");
  const readJson = async (request: FastifyRequest): Promise<UsageItems> => {
    const chunks: Buffer[] = [];
    await bodies.read(request.raw, (chunk) => void chunks.push(chunk));
    const [only] = chunks;
    const text = textOfBody(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks));
    const json = await new Promise((resolve, reject) => {
      void parseJson(request, text, (error, value) => (error ? reject(error) : resolve(value)));
    });
    return itemsOfJson(mediaTypeOf(request), json);
  };

  const readLines = async (request: FastifyRequest): Promise<UsageItems> => {
    const items: unknown[] = [];
    const lines = createLineParser((item) => {
      if (items.length === batchEventsMax) throw tooManyEvents();
      items.push(item);
    });
    await bodies.read(request.raw, lines.push);
    lines.end();
    if (items.length > 0 && items.every((item) => item instanceof UnreadableItem))
      throw new AppError("MALFORMED_BODY", "No line of the body is valid JSON; send one event a line.");
    return { isSingle: false, items };
  };

  app.removeContentTypeParser(jsonType);
  app.addContentTypeParser([jsonType, cloudEventType, cloudEventBatchType], readJson);
  app.addContentTypeParser(ndjsonType, readLines);
}

const mediaTypeOf = ({ headers }: FastifyRequest): string =>
  headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? "";
