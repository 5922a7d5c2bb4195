import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startGatewayProcess } from "./gateway-process.ts";
import { type Gateway, openGateway } from "./helpers.ts";

// CONNECTIONS=10000 by hand; each takes a file descriptor here and one there.
const connections = Number(process.env["CONNECTIONS"] ?? 1_000);
const mib = 1024 * 1024;

let gateway: Gateway;
let tested: Awaited<ReturnType<typeof startGatewayProcess>>;
beforeAll(async () => {
  gateway = await openGateway();
  tested = await startGatewayProcess(gateway, { REQUEST_TIMEOUT_MS: "4000" });
});
afterAll(async () => {
  await tested.close();
  await gateway.close();
});

test(`${connections} connections, idle and with half a body each, cost little, hold up nobody, and end by themselves`, async () => {
  const key = await gateway.addKey(["usage:write"], await gateway.openAccount());
  const send = async (id: string) => {
    const sentAt = performance.now();
    const response = await fetch(`${tested.url}/billing/usage`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ id, metric: "events" }),
    });
    await response.arrayBuffer();
    return { status: response.status, ms: performance.now() - sentAt };
  };
  for (let warm = 0; warm < 200; warm++) await send(`warm-${warm}`);
  const before = await tested.residentBytes();

  const head = `POST /billing/usage HTTP/1.1\r\nHost: billing.example.test\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/x-ndjson\r\nContent-Length: 8000\r\n\r\n`;
  const sockets = [];
  for (let opened = 0; opened < connections; opened += 500) {
    const some = Array.from({ length: 500 }, (_, index) => {
      const socket = connect(Number(new URL(tested.url).port), "127.0.0.1").on("error", () => {});
      socket.resume();
      // Keys of one account may ask 1,000 times a second: half of them never say a word.
      if (index % 2 === 0)
        socket.write(`${head}${`{"id":"slow-${opened + index}","metric":"events"}\n`.repeat(50)}`);
      return socket;
    });
    await Promise.all(some.map((socket) => once(socket, "connect")));
    sockets.push(...some);
  }
  const answers = [];
  for (let index = 0; index < 50; index++) answers.push(await send(`fast-${index}`));
  expect(answers.filter(({ status }) => status !== 202)).toEqual([]);
  const held = (await tested.residentBytes()) - before;
  const slowestMs = Math.max(...answers.map(({ ms }) => ms));
  process.stdout.write(
    `${connections} connections: ${(held / mib).toFixed(0)} MiB on top of ${(before / mib).toFixed(0)}, the slowest of 50 requests ${slowestMs.toFixed(0)} ms\n`,
  );
  expect(held).toBeLessThan(40 * mib + connections * 24 * 1024);

  await Promise.all(sockets.map(async (socket) => socket.closed || (await once(socket, "close"))));
  const { body } = await gateway.request("POST", "/billing/usage", {
    bearer: key,
    body: [{ id: "slow-0", metric: "events" }],
  });
  expect(body).toMatchObject({ accepted: 1 });
}, 60_000);
