import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEnv } from "@driftlock/runtime";
import { expect, test } from "vitest";
import { Env } from "../src/env.ts";
import { openGateway } from "./helpers.ts";

const complete = {
  DATABASE_URL: "postgres://db/x",
  REDIS_URL: "redis://redis",
  DRIFTLOCK_MODE: "live",
  PUBLIC_URL: "https://billing.example.test",
  STRIPE_SECRET_KEY: "sk_live_1",
};

test("a wrong configuration names every fault at once", () => {
  const { faults } = readEnv(Env, {
    DRIFTLOCK_MODE: "live",
    PUBLIC_URL: "ftp://x",
    STRIPE_SECRET_KEY: "pk_live_1",
    STRIPE_API_URL: "http://localhost:4010",
    AUTH_JWKS_URL: "https://id.example.test/jwks.json",
    AUTH_ISSUER: "driftlock-demo",
    ACCESS_POLICY: '{"late":"full"}',
  });
  expect(faults?.map(({ variable }) => variable).sort()).toEqual([
    "ACCESS_POLICY",
    "AUTH_AUDIENCE",
    "AUTH_ISSUER",
    "DATABASE_URL",
    "PUBLIC_URL",
    "REDIS_URL",
    "STRIPE_API_URL",
    "STRIPE_SECRET_KEY",
  ]);
  expect(readEnv(Env, complete).faults).toBeUndefined();
  const signIn = { ...complete, AUTH_SIGN_IN_URL: "https://login.example.test/" };
  expect(readEnv(Env, signIn).faults?.map(({ variable }) => variable)).toEqual(["AUTH_SIGN_IN_URL"]);
});

test("it does not start on a database of another mode", async () => {
  await expect(openGateway({ DRIFTLOCK_MODE: "test", SEED_MODE: "simulator" })).rejects.toThrow(
    /belongs to mode "simulator"/,
  );
});

test("a test key is refused in live mode", async () => {
  const gateway = await openGateway({ DRIFTLOCK_MODE: "live" });
  try {
    const bearer = await gateway.addKey(["operator"], null, "test");
    expect(await gateway.request("GET", "/operator/keys", { bearer })).toMatchObject({
      status: 401,
      body: { code: "UNAUTHENTICATED", detail: expect.stringContaining("test key") },
    });
    const live = await gateway.addKey(["operator"], null, "live");
    expect((await gateway.request("GET", "/operator/keys", { bearer: live })).status).toBe(200);
    expect((await gateway.request("POST", "/auth/demo-session", { body: { token: "x" } })).status).toBe(404);
  } finally {
    await gateway.close();
  }
});

test("the front end is served at / and /app, its files by name, and nothing else", async () => {
  const dist = await mkdtemp(join(tmpdir(), "driftlock-web-"));
  await mkdir(join(dist, "assets"));
  await writeFile(join(dist, "index.html"), "<html>front end</html>");
  await writeFile(join(dist, "assets/index-abc.js"), "1");
  const gateway = await openGateway({ WEB_DIST_DIR: dist });
  try {
    for (const path of ["/", "/app", "/app/", "/app/invoices/7", "/?x=1"]) {
      const page = await gateway.request("GET", path);
      expect(page, path).toMatchObject({ status: 200, body: "<html>front end</html>" });
      expect(page.headers.get("cache-control")).toBe("no-cache");
      expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    }
    const script = await gateway.request("GET", "/assets/index-abc.js");
    expect(script.headers.get("cache-control")).toContain("immutable");
    for (const path of [
      "/assets/none.js",
      "/application",
      "/assets/",
      "/assets",
      "/%2e%2e/package.json",
      "/billing",
      "/.env",
    ]) {
      const answer = await gateway.request("GET", path);
      expect(answer, path).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
      expect(answer.headers.get("content-type")).toContain("application/problem+json");
    }
  } finally {
    await gateway.close();
    await rm(dist, { recursive: true });
  }
});
