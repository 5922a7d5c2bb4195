import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { writeFileAtomic } from "./write-file-atomic.ts";

async function listenOnce(host: string, port: number): Promise<number> {
  const server = createServer();
  server.listen({ host, port, exclusive: true });
  await once(server, "listening"); // rejects with the server's "error"
  const taken = (server.address() as AddressInfo).port;
  server.close();
  await once(server, "close");
  return taken;
}

/** A port that nobody listens on at this moment. */
export const findFreePort = (host = "127.0.0.1"): Promise<number> => listenOnce(host, 0);

export async function isPortFree(host: string, port: number): Promise<boolean> {
  try {
    await listenOnce(host, port);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
}

/** The port noted in `file` while it is free, else a new one, which is noted: URLs stay the same over restarts. */
export async function keepPort(file: string): Promise<number> {
  const noted = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  if (Number.isInteger(noted) && noted > 0 && (await isPortFree("127.0.0.1", noted))) return noted;
  const port = await findFreePort();
  writeFileAtomic(file, `${port}\n`);
  return port;
}
