import { errorCatalog } from "@driftlock/contracts";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import fp from "fastify-plugin";

/** The docs' page starts itself with an inline script and styles. */
const docsPolicy = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * The document of /openapi.json, readable at /docs. Its reader, a script of 5 MB that takes 40 MB of memory, is loaded
 * by the first who asks for it: a gateway that nobody reads at does without.
 */
export const docsPlugin = fp(async (app) => {
  let opening: Promise<FastifyInstance> | undefined;
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    opening ??= openReader();
    const reader = await opening;
    const { statusCode, headers, rawPayload } = await reader.inject({ method: "GET", url: request.url });
    const { location, "content-type": type = "text/plain" } = headers;
    if (location !== undefined) return reply.redirect(location, statusCode);
    void reply.code(statusCode).headers({ "content-type": type, "content-security-policy": docsPolicy });
    return type.startsWith("text/html")
      ? rawPayload.toString().replace("</body>", () => `${codesWithoutScript()}</body>`)
      : rawPayload;
  };
  app.get("/docs", { schema: { hide: true } }, answer);
  app.get("/docs/*", { schema: { hide: true } }, answer);
  app.addHook("onClose", async () => {
    const reader = await opening;
    await reader?.close();
  });
});

async function openReader(): Promise<FastifyInstance> {
  const { default: scalar } = await import("@scalar/fastify-api-reference");
  const reader = Fastify();
  await reader.register(scalar, {
    routePrefix: "/docs",
    configuration: {
      url: "/openapi.json",
      telemetry: false,
      showDeveloperTools: "never",
      withDefaultFonts: false,
      hideClientButton: true,
      agent: { disabled: true },
    },
  });
  return reader;
}

/** The page is drawn by a script; the codes are there for whoever reads it without one. */
function codesWithoutScript(): string {
  const rows = Object.entries(errorCatalog).map(
    ([code, { status, title }]) =>
      `<tr><td>${status}</td><td><code>${code}</code></td><td>${title}</td></tr>`,
  );
  return `<noscript><p>The document is at <a href="/openapi.json">/openapi.json</a>.</p><table>${rows.join("")}</table></noscript>`;
}
