import { AppError } from "@driftlock/contracts";
import fp from "fastify-plugin";

export type ContentEncoding = "gzip" | "zstd";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The codings that the route's own body parsers undo; none where absent. */
    encodings?: readonly ContentEncoding[];
  }
}

/** How a body is coded, by its header; null for one that is sent as it is. */
export function encodingOf(header: string | undefined): string | null {
  if (header === undefined) return null;
  const encoding = header.trim().toLowerCase();
  if (encoding === "" || encoding === "identity") return null;
  return encoding === "x-gzip" ? "gzip" : encoding;
}

/** Refuses, before a byte of it is read, a body that is coded in a way that its route does not take: 415 says which. */
export const contentEncodingPlugin = fp(async (app) => {
  app.addHook("preParsing", (request, reply, _payload, done) => {
    const encoding = encodingOf(request.headers["content-encoding"]);
    const taken: readonly string[] = request.routeOptions.config.encodings ?? [];
    if (encoding === null || taken.includes(encoding)) return done();
    void reply.header("accept-encoding", taken.length === 0 ? "identity" : taken.join(", "));
    const detail =
      taken.length === 0
        ? "A compressed body is not taken: send it as it is, without Content-Encoding."
        : `Content-Encoding may be ${taken.join(" or ")}, or absent.`;
    done(new AppError("UNSUPPORTED_MEDIA_TYPE", detail));
  });
});
