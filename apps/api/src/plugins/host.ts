import { AppError } from "@driftlock/contracts";
import fp from "fastify-plugin";

interface HostOptions {
  publicUrl: string;
  /** Further values of Host, for example "api:4000" inside of a cluster. */
  allowedHosts: readonly string[];
  /** Where we listen; known only once we do. */
  listeningPort: () => number | null;
}

/** 421 for a Host that is not ours: a page elsewhere cannot reach us by pointing a name of its own at our address. */
export const hostPlugin = fp<HostOptions>(async (app, { publicUrl, allowedHosts, listeningPort }) => {
  const { host, hostname, protocol } = new URL(publicUrl);
  const standardPort = protocol === "https:" ? 443 : 80;
  const allowed = new Set([
    host,
    ...(host === hostname ? [`${hostname}:${standardPort}`] : []),
    ...allowedHosts,
  ]);
  app.server.on("listening", () => {
    const port = listeningPort();
    for (const loopback of ["localhost", "127.0.0.1", "[::1]"]) {
      allowed.add(`${loopback}:${port}`);
      if (port === 80) allowed.add(loopback);
    }
  });
  app.addHook("onRequest", (request, _reply, done) => {
    const name = (request.headers.host ?? "").toLowerCase();
    if (allowed.has(name)) done();
    else done(new AppError("UNKNOWN_HOST", `The host "${name}" is not served here.`));
  });
});
