import { once } from "node:events";
import { statSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { checkPorts } from "../src/start/check-ports.ts";
import {
  DEMO_AUDIENCE,
  DEMO_ISSUER,
  keepDemoCredentials,
  writeDemoSeed,
} from "../src/start/demo-credentials.ts";
import { loadStartSettings } from "../src/start/env.ts";
import { compactLine } from "../src/start/follow-log.ts";
import { takeHome } from "../src/start/home-lock.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

async function listen(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test("ports in use are said by name, all at once", async () => {
  const [api, worker] = [await listen(), await listen()];
  const settings = loadStartSettings({ API_PORT: `${api}`, WORKER_OPS_PORT: `${worker}` }, []);
  const error = await checkPorts(settings).catch((caught: Error) => caught);
  expect(String(error)).toContain(`port ${api} (API gateway) is in use; set API_PORT`);
  expect(String(error)).toContain(
    `port ${worker} (health and metrics of the billing worker) is in use; set WORKER_OPS_PORT`,
  );
});

test("every fault of the configuration is named at once", () => {
  const env = { API_PORT: "http", WEBHOOK_PORT: "99999", STRIPE_SECRET_KEY: "pk_test_1" };
  expect(() => loadStartSettings(env, ["--wacht"])).toThrow(
    /API_PORT[\s\S]*WEBHOOK_PORT[\s\S]*STRIPE_SECRET_KEY[\s\S]*--wacht/,
  );
});

test.for([
  [undefined, "simulator", "simulator"],
  ["sk_test_1", "test", "stripe"],
  ["rk_live_1", "live", "stripe"],
])("with STRIPE_SECRET_KEY %s the mode is %s, and the state in %s", ([key, mode, folder]) => {
  const settings = loadStartSettings({ STRIPE_SECRET_KEY: key, DRIFTLOCK_HOME: "/home/x" }, []);
  expect([settings.mode, settings.folder]).toEqual([mode, join("/home/x", folder ?? "")]);
});

test("a home has one supervisor at a time, and the second is told of the first", async () => {
  const folder = await makeTemporaryFolder();
  const lock = takeHome(folder, { pid: 4711, apiUrl: "http://127.0.0.1:4000" });
  expect(() => takeHome(folder, { pid: 4712, apiUrl: "" })).toThrow(
    "it is running already from this home (pid 4711, http://127.0.0.1:4000)",
  );
  lock.release();
  takeHome(folder, { pid: 4712, apiUrl: "" }).release();
});

test("demo credentials are private, stay the same, and hold for our own issuer", async () => {
  const folder = await makeTemporaryFolder();
  const credentials = await keepDemoCredentials(folder, "account_id");
  expect(await keepDemoCredentials(folder, "account_id")).toEqual(credentials);
  for (const file of [join(folder, "credentials-account_id.json"), writeDemoSeed(folder, credentials)]) {
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  expect(credentials.accounts.map(({ id }) => id)).toEqual(["acct_demo_1", "acct_demo_2", "acct_demo_3"]);
  const { payload } = await jwtVerify(
    credentials.accounts[0]?.userToken ?? "",
    createLocalJWKSet(credentials.jwks),
    {
      issuer: DEMO_ISSUER,
      audience: DEMO_AUDIENCE,
    },
  );
  expect(payload).toMatchObject({ account_id: "acct_demo_1", scope: "billing:read billing:write" });
});

test.for([
  ['{"level":"info","msg":"usage.flushed"}', null],
  [
    '{"level":"warn","time":"t","pid":1,"msg":"clock.lost","err":{"message":"refused"},"n":1}',
    'warn clock.lost refused {"n":1}',
  ],
  ['{"level":50,"msg":"job.failed"}', "error job.failed"],
  ["Error: plain text", "Error: plain text"],
  ["", null],
])("of the log line %s the terminal shows %s", ([line, shown]) => {
  expect(compactLine(line ?? "", () => true)).toBe(shown);
});
