import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import fastifyStatic from "@fastify/static";
import fp from "fastify-plugin";

/**
 * The built front end: its page at `/` and everywhere under `/app`, its files by their names. Whatever is no file
 * falls through to 404.
 */
export const webPlugin = fp<{ distDir: string }>(async (app, { distDir }) => {
  const root = resolve(distDir);
  if (!existsSync(join(root, "index.html"))) throw new Error(`WEB_DIST_DIR has no index.html: ${root}`);
  await app.register(fastifyStatic, {
    root,
    index: false,
    cacheControl: false,
    setHeaders: (reply, path) => {
      // Names in assets/ carry a hash of their content; everything else may change under its name.
      const isHashed = path.startsWith(join(root, "assets"));
      void reply.header("cache-control", isHashed ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
  for (const url of ["/", "/app", "/app/*"]) {
    app.get(url, { schema: { hide: true } }, (_request, reply) => reply.sendFile("index.html"));
  }
});
