import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** Cuts what is open, and leads whoever connects from now on to `port`; null refuses. */
  leadTo(port: number | null): void;
  close(): Promise<void>;
}

/** A name that leads to another server after a failover, or a line that can be cut. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  let target: number | null = targetPort;
  const open = new Set<Socket>();
  const keep = (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
  };
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  const server = createServer((client) => {
    keep(client);
    if (target === null) return void client.destroy();
    const upstream = connect(target, "127.0.0.1");
    keep(upstream);
    upstream.on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    leadTo(port) {
      target = port;
      cut();
    },
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
