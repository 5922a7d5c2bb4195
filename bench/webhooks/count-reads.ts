import { once } from "node:events";
import { Agent, createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";

export interface CountedReads {
  /** Of `/v1/subscriptions`, in all and in that second (any 1,000 ms) which had the most. */
  count: number;
  perSecondMax: number;
}

/** Stands between our worker and the simulator, and notes when reads of subscriptions pass. */
export async function startReadCounter(simulatorUrl: string) {
  const { hostname, port } = new URL(simulatorUrl);
  const agent = new Agent({ keepAlive: true });
  const readAtMs: number[] = [];
  const server = createServer((incoming, answer) => {
    const { method, url: path, headers } = incoming;
    if (method === "GET" && path?.startsWith("/v1/subscriptions/")) readAtMs.push(performance.now());
    const forwarded = send({ hostname, port, method, path, headers, agent }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    forwarded.on("error", () => answer.destroy());
    incoming.pipe(forwarded);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counted: (): CountedReads => {
      const counts = readAtMs.map(
        (start) => readAtMs.filter((at) => at >= start && at < start + 1_000).length,
      );
      return { count: readAtMs.length, perSecondMax: Math.max(0, ...counts) };
    },
    close: () => {
      server.closeAllConnections();
      server.close();
      agent.destroy();
    },
  };
}
