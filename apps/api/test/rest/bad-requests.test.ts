import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { beforeAll, describe, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();
let accountId: string;
beforeAll(async () => {
  accountId = await gateway.openAccount();
});

const checkout = (body: unknown, headers: Record<string, string> = {}) =>
  gateway.request("POST", "/billing/checkout", { bearer: gateway.serviceKey, body, headers });

test("every error is a problem with its code, its request id and no cache", async () => {
  const answer = await gateway.request("GET", "/nowhere?secret=1", {
    headers: { "x-request-id": "trace-7" },
  });
  expect(answer.status).toBe(404);
  expect(answer.headers.get("content-type")).toContain("application/problem+json");
  expect(answer.headers.get("x-request-id")).toBe("trace-7");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.body).toEqual({
    type: "urn:driftlock:problem:NOT_FOUND",
    title: "There is nothing here",
    status: 404,
    code: "NOT_FOUND",
    detail: "Nothing answers GET /nowhere.",
    instance: "/nowhere",
    requestId: "trace-7",
  });
});

test("a request id that is not sane is replaced", async () => {
  const answer = await gateway.request("GET", "/billing/plans", {
    headers: { "x-request-id": "a b<script>" },
  });
  expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

describe("what cannot be read", () => {
  test.each([
    ["JSON cut short", '{"planId":'],
    ["no JSON at all", "planId=pro"],
    ["a forbidden key", '{"__proto__":{"x":1},"planId":"pro"}'],
  ])("%s is 400", async (_name, body) => {
    expect(await checkout(body)).toMatchObject({ status: 400, body: { code: "MALFORMED_BODY" } });
  });

  test("a path that is wrongly encoded is 400", async () => {
    const answer = await gateway.request("GET", "/billing/%zz");
    expect(answer).toMatchObject({ status: 400, body: { code: "MALFORMED_BODY" } });
    expect(answer.headers.get("x-request-id")).toBe(answer.body.requestId);
  });

  test("another content type is 415", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
    ]) {
      expect(await checkout("planId=pro", { "content-type": type })).toMatchObject({
        status: 415,
        body: { code: "UNSUPPORTED_MEDIA_TYPE" },
      });
    }
  });

  test("a compressed body is 415", async () => {
    expect(await checkout({ planId: "pro" }, { "content-encoding": "gzip" })).toMatchObject({
      status: 415,
      body: { code: "UNSUPPORTED_MEDIA_TYPE", detail: expect.stringContaining("Content-Encoding") },
    });
  });

  test("bytes that are not UTF-8 are 400, so that two ids never become one", async () => {
    const key = await gateway.addKey(["usage:write"], accountId);
    const body = Buffer.from('{"id":"\xff","metric":"events"}', "latin1");
    for (const type of ["application/json", "application/x-ndjson", "application/cloudevents+json"]) {
      const answer = await fetch(`${gateway.url}/billing/usage`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": type },
        body,
      });
      expect([answer.status, await answer.json()], type).toMatchObject([400, { code: "MALFORMED_BODY" }]);
    }
  });

  test("a body over the limit is 413, and its connection stays open for the rest of it", async () => {
    const answer = await checkout({ planId: "x".repeat(1_100_000) });
    expect(answer).toMatchObject({ status: 413, body: { code: "BODY_TOO_LARGE" } });
    expect(answer.headers.get("connection")).not.toBe("close");
  });

  test("a method that a path does not take is 404", async () => {
    for (const [method, path] of [
      ["PUT", "/billing/plans"],
      ["DELETE", "/billing/plans"],
      ["PATCH", "/nowhere"],
    ] as const) {
      expect(await gateway.request(method, path)).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
    }
  });
});

describe("what is not valid", () => {
  test.each([
    ["no body", undefined, "body"],
    ["a plan of the wrong type", { planId: 7 }, "body.planId"],
    ["an unknown member", { planId: "pro", sucessUrl: "https://x.test" }, "body"],
    ["a URL that is none", { planId: "pro", successUrl: "javascript:alert(1)" }, "body.successUrl"],
    ["an account id that is none", { planId: "pro", accountId: "no spaces" }, "body.accountId"],
  ])("%s is 422 and says where", async (_name, body, path) => {
    const answer = await checkout(body);
    expect(answer).toMatchObject({ status: 422, body: { code: "INVALID", errors: [{ path }] } });
  });

  test("a service key that names no account, or two", async () => {
    expect(await checkout({ planId: "pro" })).toMatchObject({ status: 422, body: { code: "INVALID" } });
    const two = await gateway.request("POST", `/billing/portal?accountId=${accountId}`, {
      bearer: gateway.serviceKey,
      body: { accountId: "other" },
    });
    expect(two).toMatchObject({ status: 422, body: { errors: [{ path: "accountId" }] } });
  });

  test("limits and cursors that are none", async () => {
    for (const query of ["limit=0", "limit=101", "limit=x", "cursor=zzz", "cursor=W10"]) {
      const answer = await gateway.request("GET", `/operator/accounts?${query}`, {
        bearer: gateway.operatorKey,
      });
      expect(answer, query).toMatchObject({ status: 422, body: { code: "INVALID" } });
    }
  });

  test("an unknown account is 404 on every route of an account", async () => {
    for (const [method, path, body] of [
      ["GET", "/billing/subscription", undefined],
      ["GET", "/billing/invoices", undefined],
      ["GET", "/billing/notification-endpoints", undefined],
      ["POST", "/billing/checkout", { planId: "pro" }],
      ["PATCH", "/billing/subscription", { planId: "pro" }],
      ["DELETE", "/billing/subscription", undefined],
      ["DELETE", "/billing/subscription?when=now", undefined],
      ["POST", "/billing/subscription/resume", {}],
      ["POST", "/billing/portal", {}],
      ["POST", "/billing/payment-method", {}],
      ["PUT", "/billing/notification-endpoints", { endpoints: [] }],
    ] as const) {
      const query = `${path.includes("?") ? "&" : "?"}accountId=nobody`;
      const answer = await gateway.request(method, `${path}${query}`, { bearer: gateway.serviceKey, body });
      expect(answer, `${method} ${path}`).toMatchObject({ status: 404, body: { code: "ACCOUNT_NOT_FOUND" } });
    }
  });
});

describe("the Host header", () => {
  const ask = async (host: string): Promise<string> => {
    const { port } = new URL(gateway.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.write(`GET /billing/plans HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return (await text(socket)).split("\r\n")[0] ?? "";
  };

  test("ours, by its public name and on loopback", async () => {
    const { port } = new URL(gateway.url);
    for (const host of [
      "billing.example.test",
      "billing.example.test:80",
      `localhost:${port}`,
      `127.0.0.1:${port}`,
    ]) {
      expect(await ask(host), host).toContain("200");
    }
  });

  test("any other is 421", async () => {
    for (const host of ["evil.test", "localhost", "localhost:1", "billing.example.test.evil.test"]) {
      expect(await ask(host), host).toContain("421");
    }
  });
});
