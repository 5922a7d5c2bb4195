import { Readable } from "node:stream";
import { UsageExportQuery, UsageRecordDto } from "@driftlock/contracts";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { requestAccount } from "../plugins/auth.ts";
import { logFailure } from "../plugins/errors.ts";
import { toAppError } from "../problem-of-error.ts";
import type { ExportUsage } from "../use-cases/export-usage.ts";

const description = [
  "Every record whose timestamp is in `[from, to)`, by default of the last 30 days, as a stream, in the order of the ids by bytes. Without `metric`, of all metrics.",
  "Records are removed some time after they were received (`USAGE_RECORD_RETENTION_DAYS` of the installation, 90 by default, never below 35): what is older is not in the file, though totals, and series by hour and day, still have it. What is accepted is in it about a second later.",
  "CSV (RFC 4180, UTF-8) has the columns id, metric, quantity, timestamp, receivedAt, properties (as JSON). A cell that a spreadsheet would run as a formula (it begins with =, +, - or @), or that begins with an apostrophe, has an apostrophe put before it: take one off to have the text as it was sent. NDJSON has it as it is.",
  "A file that could not be finished ends with a broken connection, never with a clean end: a client that reads to the end without an error has all of it.",
].join("\n\n");

export const usageExportRoutes =
  ({ exportUsage }: { exportUsage: ExportUsage }): FastifyPluginAsyncZod =>
  async (app) => {
    app.get(
      "/billing/usage/export",
      {
        config: { access: "billing:read" },
        // It would write the whole file to nobody.
        exposeHeadRoute: false,
        schema: {
          tags: ["usage"],
          summary: "Records of usage as CSV or NDJSON",
          description,
          querystring: UsageExportQuery,
          response: {
            200: {
              description: "The file",
              content: {
                "text/csv": { schema: z.string() },
                "application/x-ndjson": { schema: UsageRecordDto },
              },
            },
          },
        },
      },
      async (request, reply) => {
        const { mediaType, fileName, text } = await exportUsage(requestAccount(request), request.query);
        const file = Readable.from(text, { objectMode: false });
        file.on("error", (error) => {
          logFailure(request, toAppError(error));
          // Where the length is not told in chunks (HTTP/1.0), an orderly end of the connection would be one of the file.
          reply.raw.socket?.resetAndDestroy();
        });
        return reply
          .header("content-type", mediaType)
          .header("content-disposition", `attachment; filename="${fileName}"`)
          .header("cache-control", "no-store")
          .send(file as never);
      },
    );
  };
