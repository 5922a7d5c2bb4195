import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { closeUnfinished } from "./close-unfinished.ts";

test("a close ends silent and half-sent connections, and waits for the answer to a whole request", async () => {
  const answers: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.on("error", () => {});
    answers.push(response);
    if (request.url === "/whole") request.resume();
  });
  const beginClose = closeUnfinished(server, 50);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const open = (text: string) => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket
      .on("error", () => {})
      .resume()
      .write(text);
    return socket;
  };
  const head = "HTTP/1.1\r\nHost: x\r\n";
  const closed = ["", "POST /ha", `POST /half ${head}Content-Length: 9\r\n\r\nhalf`].map(
    async (text) => new Promise((resolve) => void open(text).once("close", resolve)),
  );
  const whole = open(`POST /whole ${head}Content-Length: 4\r\n\r\nbody`);
  await expect.poll(() => answers.length).toBe(2);

  beginClose();
  const isClosed = once(server, "close");
  server.close();
  await Promise.all(closed);
  for (const answer of answers) answer.end("done");
  expect(String((await once(whole, "data"))[0])).toContain("200 OK");
  await isClosed;
});
