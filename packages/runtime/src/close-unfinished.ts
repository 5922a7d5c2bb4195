import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Far within the lifecycle's deadline, and time enough for what is on its way. */
const patienceMs = 10_000;

/**
 * Makes a server's close come to an end. Node waits then without limit for connections that are silent, have sent half a
 * request, or are kept alive after an answer; the last are ended with it, the others reset after `patience` milliseconds.
 * Requests that have arrived whole are left to their answer.
 * @returns what to call when the close begins.
 */
export function closeUnfinished(server: Server, patience: number = patienceMs): () => void {
  const sockets = new Set<Socket>();
  const underWay = new Map<ServerResponse, IncomingMessage>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    underWay.set(response, request);
    response.once("close", () => underWay.delete(response));
  });
  const resetUnanswered = () => {
    const answering = new Set<Socket>();
    for (const [response, { complete, socket }] of underWay) {
      if (!complete) continue;
      answering.add(socket);
      response.once("close", () => socket.destroySoon());
    }
    for (const socket of sockets) if (!answering.has(socket)) socket.resetAndDestroy();
  };
  return () => {
    for (const response of underWay.keys())
      if (!response.headersSent) response.setHeader("connection", "close");
    const timer = setTimeout(resetUnanswered, patience);
    server.once("close", () => clearTimeout(timer));
  };
}
