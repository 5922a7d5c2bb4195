import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import type { Victim } from "./ruin.ts";

interface Watched {
  simulatorPort: number;
  ingesterUrl: string;
  /** Whom a secret key of Stripe is of; null: of none of the processes. */
  ownerOf(secretKey: string): Victim | null;
  /** `who`: the process that asks. */
  onAsked(who: Victim): void;
  onAnswered(who: Victim): void;
  onDelivery(): void;
  onDelivered(): void;
}

/**
 * Tells what goes over the wire between Stripe and the processes, at the instant: the simulator serves and delivers in
 * this process. @returns what ends it.
 */
export function watchSigns(watched: Watched): () => void {
  const { origin } = new URL(watched.ingesterUrl);
  const owner = ({ request }: { request: IncomingMessage }): Victim | null =>
    request.socket.localPort === watched.simulatorPort && !request.url?.startsWith("/_sim/")
      ? watched.ownerOf(request.headers.authorization?.replace("Bearer ", "") ?? "")
      : null;
  const isDelivery = ({ request }: { request: { origin: string } }) => request.origin === origin;
  const listeners: readonly (readonly [channel: string, listener: (message: never) => void])[] = [
    ["http.server.request.start", (m) => told(owner(m), watched.onAsked)],
    ["http.server.response.finish", (m) => told(owner(m), watched.onAnswered)],
    ["undici:request:create", (m) => void (isDelivery(m) && watched.onDelivery())],
    ["undici:request:headers", (m) => void (isDelivery(m) && watched.onDelivered())],
  ];
  for (const [channel, listener] of listeners) subscribe(channel, listener as never);
  return () => {
    for (const [channel, listener] of listeners) unsubscribe(channel, listener as never);
  };
}

const told = (who: Victim | null, tell: (who: Victim) => void): void => {
  if (who !== null) tell(who);
};
