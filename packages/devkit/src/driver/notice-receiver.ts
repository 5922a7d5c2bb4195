import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedNotice {
  id: string;
  type: string;
  headers: Record<string, string | string[] | undefined>;
  raw: string;
  body: { type: string; data: Record<string, unknown> };
}

/** An endpoint for notices on loopback that keeps what it is sent, with the raw body for a check of the signature. */
export async function startNoticeReceiver() {
  const received: ReceivedNotice[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const raw = Buffer.concat(chunks).toString("utf8");
      const body = JSON.parse(raw) as ReceivedNotice["body"];
      received.push({
        id: String(request.headers["webhook-id"]),
        type: body.type,
        headers: request.headers,
        raw,
        body,
      });
      response.writeHead(204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notices`,
    received,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
