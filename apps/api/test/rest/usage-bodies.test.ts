import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { constants, createGzip, createZstdCompress, gzipSync, zstdCompressSync } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway({ REQUEST_TIMEOUT_MS: "1500" });
let key: string;
beforeEach(async () => {
  key = await gateway.addKey(["usage:write", "billing:read"], await gateway.openAccount());
});

const mib = 1024 * 1024;
const usedEvents = async () => {
  const { body } = await gateway.request("GET", "/billing/usage", { bearer: key });
  return body.metrics.find(({ metric }: { metric: string }) => metric === "events").used;
};
const eventsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `e-${index}`, metric: "events" }));
const linesOf = (count: number) =>
  eventsOf(count)
    .map((event) => JSON.stringify(event))
    .join("\n");

async function post(body: Buffer | string, headers: Record<string, string>) {
  const response = await fetch(`${gateway.url}/billing/usage`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body,
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as object };
}

const ndjson = { "content-type": "application/x-ndjson" };
const compressions = { gzip: gzipSync, zstd: zstdCompressSync } as const;
const streams = { gzip: createGzip, zstd: createZstdCompress } as const;
const encodings = ["gzip", "zstd"] as const;

describe.each(encodings)("Content-Encoding %s", (encoding) => {
  const compress = compressions[encoding];
  const encoded = { "content-encoding": encoding };

  test("every form of body is taken", async () => {
    const event = { specversion: "1.0", source: "/t", id: "c", type: "events" };
    const single = { "content-type": "application/cloudevents+json" };
    const batch = { "content-type": "application/cloudevents-batch+json" };
    for (const [form, body, headers, accepted] of [
      ["array", JSON.stringify(eventsOf(1_000)), {}, 1_000],
      ["one event", JSON.stringify({ id: "one", metric: "events" }), {}, 1],
      ["NDJSON", linesOf(1_001), ndjson, 1],
      ["CloudEvent", JSON.stringify(event), single, 1],
      ["CloudEvents", JSON.stringify([event, { ...event, id: "c2" }]), batch, 1],
    ] as const) {
      expect(await post(compress(body), { ...headers, ...encoded }), form).toMatchObject({
        status: 202,
        body: { accepted, rejected: 0 },
      });
    }
    expect(await usedEvents()).toBe(1_004);
  });

  test("a bomb is cut off while it inflates: 413, and the memory stays", async () => {
    const bomb = streams[encoding]();
    const pieces: Buffer[] = [];
    bomb.on("data", (piece: Buffer) => pieces.push(piece));
    for (let written = 0; written < 128; written++)
      if (!bomb.write(Buffer.alloc(mib, " "))) await once(bomb, "drain");
    bomb.end();
    await once(bomb, "end");
    const body = Buffer.concat(pieces);
    expect(body.length).toBeLessThan(mib);
    const before = process.memoryUsage.rss();
    for (const headers of [{}, ndjson]) {
      expect(await post(body, { ...headers, ...encoded })).toMatchObject({
        status: 413,
        body: { code: "BODY_TOO_LARGE" },
      });
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * mib);
  });

  test("cut short, not of the encoding, or followed by more: 400, and nothing was counted", async () => {
    const whole = compress(linesOf(5_000));
    for (const [fault, body] of [
      ["cut short", whole.subarray(0, -5)],
      ["plain", Buffer.from(linesOf(2))],
      ["empty", Buffer.alloc(0)],
      [
        "broken inside",
        Buffer.concat([whole.subarray(0, 5_000), Buffer.from("?????"), whole.subarray(5_005)]),
      ],
      ["followed by what is none", Buffer.concat([whole, Buffer.from("more")])],
    ] as const) {
      const answer = await post(body, { ...ndjson, ...encoded });
      expect(answer, fault).toMatchObject({ status: 400, body: { code: "MALFORMED_BODY" } });
    }
    expect(await usedEvents()).toBe(0);
  });
});

test("two frames of zstd are refused, for Node reads the first alone; two members of gzip are taken", async () => {
  const [one, two] = [linesOf(3), '\n{"id":"last","metric":"events"}'];
  const zstd = Buffer.concat([zstdCompressSync(one), zstdCompressSync(two)]);
  expect((await post(zstd, { ...ndjson, "content-encoding": "zstd" })).status).toBe(400);
  const gzip = Buffer.concat([gzipSync(one), gzipSync(two)]);
  expect((await post(gzip, { ...ndjson, "content-encoding": "x-gzip" })).body).toMatchObject({ accepted: 4 });
});

test("a frame of zstd that asks for a large window is 400", async () => {
  const stream = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: 27 } });
  stream.write(linesOf(10));
  stream.end();
  const body = Buffer.concat(await stream.toArray());
  expect((await post(body, { ...ndjson, "content-encoding": "zstd" })).status).toBe(400);
});

test("another encoding is 415 and says which are taken", async () => {
  for (const encoding of ["br", "deflate", "gzip, gzip", "compress"]) {
    const answer = await post("{}", { "content-encoding": encoding });
    expect(answer, encoding).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
    expect(answer.headers.get("accept-encoding")).toBe("gzip, zstd");
  }
  const checkout = await gateway.request("POST", "/billing/checkout", {
    bearer: gateway.serviceKey,
    body: "{}",
    headers: { "content-encoding": "gzip" },
  });
  expect(checkout.status).toBe(415);
  expect(checkout.headers.get("accept-encoding")).toBe("identity");
});

/** A connection that speaks HTTP by hand. */
function dial(): Socket {
  return connect(Number(new URL(gateway.url).port), "127.0.0.1").on("error", () => {});
}
const head = (headers: string) =>
  `POST /billing/usage HTTP/1.1\r\nHost: billing.example.test\r\nAuthorization: Bearer ${key}\r\n${headers}\r\n\r\n`;
const chunkOf = (bytes: string) => `${Buffer.byteLength(bytes).toString(16)}\r\n${bytes}\r\n`;

describe("NDJSON is read as it comes", () => {
  test("lines and characters may be cut anywhere", async () => {
    const lines = Buffer.from('{"id":"ü🦊","metric":"events"}\r\n\n{"id":"b","metric":"events"}');
    const socket = dial();
    socket.setNoDelay();
    socket.write(
      head("Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close"),
    );
    for (const byte of lines) {
      await new Promise((done) =>
        socket.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.of(byte), Buffer.from("\r\n")]), done),
      );
    }
    socket.write("0\r\n\r\n");
    expect(await text(socket)).toContain('"accepted":2');
  });

  test("the 10,001st event and the 8 MiB are refused before the body's end", async () => {
    for (const body of [`${linesOf(10_001)}\n`, `"${"x".repeat(9 * mib)}"\n`]) {
      const socket = dial();
      socket.write(head("Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked"));
      socket.write(chunkOf(body));
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer.toString()).toContain("413");
      socket.destroy();
    }
    expect(await usedEvents()).toBe(0);
  });

  test("a producer that disconnects in mid-body has counted nothing, and may send it again", async () => {
    const body = linesOf(2_000);
    for (const headers of [
      `Content-Length: ${body.length}\r\nContent-Type: application/x-ndjson`,
      "Transfer-Encoding: chunked\r\nContent-Type: application/x-ndjson",
      "Transfer-Encoding: chunked\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: zstd",
    ]) {
      const socket = dial();
      const part = body.slice(0, body.length - 100);
      const isChunked = headers.startsWith("Transfer");
      socket.write(head(headers));
      await new Promise((done) => socket.write(isChunked ? chunkOf(part) : part, done));
      socket.destroy();
    }
    expect((await post(body, ndjson)).body).toMatchObject({ accepted: 2_000, duplicates: 0 });
  });
});

test("a body that does not come to its end in time is 408 and has counted nothing", async () => {
  const socket = dial();
  socket.write(head("Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked"));
  socket.write(chunkOf(`${linesOf(3)}\n`));
  const answer = await text(socket);
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(answer).toContain('"code":"REQUEST_TIMEOUT"');
  expect(await usedEvents()).toBe(0);
});

test("headers that are too large, and what is no HTTP, are problems too", async () => {
  const large = dial();
  large.write(head(`X-Large: ${"x".repeat(20_000)}`));
  expect(await text(large)).toMatch(/^HTTP\/1\.1 431 [^]*"code":"HEADERS_TOO_LARGE"/);
  const other = dial();
  other.write("HELO example.test\r\n\r\n");
  expect(await text(other)).toMatch(/^HTTP\/1\.1 400 [^]*"code":"MALFORMED_BODY"/);
});

test("a connection serves one request after the other, also those sent without waiting for answers", async () => {
  const socket = dial();
  const bodies = ["one", "two", "three"].map((id) => JSON.stringify({ id, metric: "events" }));
  const last = (index: number) => (index === bodies.length - 1 ? "\r\nConnection: close" : "");
  socket.write(
    bodies
      .map(
        (body, index) =>
          head(`Content-Type: application/json\r\nContent-Length: ${body.length}${last(index)}`) + body,
      )
      .join(""),
  );
  const answers = (await text(socket)).split("HTTP/1.1 ").slice(1);
  expect(answers.map((answer) => /^202[^]*"id":"(\w+)"/.exec(answer)?.[1])).toEqual(["one", "two", "three"]);
});
