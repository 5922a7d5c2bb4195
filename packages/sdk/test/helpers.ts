import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { UsageEventInput } from "@driftlock/contracts";
import { onTestFinished } from "vitest";

export interface Asked {
  path: string;
  headers: IncomingHttpHeaders;
  body: { events: UsageEventInput[] };
}

export interface Given {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** A gateway of loopback that answers as told; `null` cuts the connection. Closed when the test ends. */
export async function startGateway(answer: (asked: Asked, place: number) => Given | null) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked["body"];
      const place = asked.push({ path: request.url ?? "", headers: request.headers, body }) - 1;
      const given = answer(asked[place]!, place);
      if (given === null) return request.socket.destroy();
      response.writeHead(given.status, { "content-type": "application/json", ...given.headers });
      response.end(JSON.stringify(given.body ?? {}));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

export const acceptAll = ({ body }: Asked): Given => ({
  status: 202,
  body: { accepted: body.events.length, duplicates: 0, rejected: 0, results: [] },
});
