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
  // By connection, and not one entry for each request: a Map that entries come to and go from is made anew all the time,
  // each old one leads to the next, and so V8 keeps all that was ever in them until it collects its old generation (ADR 0035).
  const underWay = new Map<Socket, ServerResponse[]>();
  server.on("connection", (socket: Socket) => {
    underWay.set(socket, []);
    socket.once("close", () => underWay.delete(socket));
  });
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    const ofSocket = underWay.get(socket);
    if (ofSocket === undefined) return;
    ofSocket.push(response);
    response.once("close", () => void ofSocket.splice(ofSocket.indexOf(response), 1));
  });
  const resetUnanswered = () => {
    for (const [socket, responses] of underWay) {
      const answering = responses.filter(({ req }) => req.complete);
      for (const response of answering) response.once("close", () => socket.destroySoon());
      if (answering.length === 0) socket.resetAndDestroy();
    }
  };
  return () => {
    for (const response of [...underWay.values()].flat())
      if (!response.headersSent) response.setHeader("connection", "close");
    const timer = setTimeout(resetUnanswered, patience);
    server.once("close", () => clearTimeout(timer));
  };
}
