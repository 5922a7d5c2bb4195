import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test, vi } from "vitest";
import { clientFor, openCheckout, receiveWebhooks } from "./harness.ts";

const MAIN = new URL("../src/main.ts", import.meta.url).pathname;
const DAY = 86_400;

async function start(statePath: string) {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      STRIPE_SIMULATOR_PORT: "0",
      STRIPE_SIMULATOR_STATE: statePath,
      STRIPE_SIMULATOR_JWKS: '{"keys":[{"kid":"demo"}]}',
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  for await (const line of createInterface({ input: child.stdout })) {
    const { msg, url, testClockId } = JSON.parse(line) as { msg: string; url: string; testClockId: string };
    if (msg === "simulator.started")
      return { child, url, testClockId, stripe: clientFor(Number(new URL(url).port)) };
  }
  throw new Error("the simulator did not start");
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

function stateFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "stripe-simulator-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "state.sqlite");
}

test("killed at any time, it goes on with all it had acknowledged", { timeout: 30_000 }, async () => {
  const statePath = stateFile();
  const first = await start(statePath);
  const hook = await receiveWebhooks((count) => (count === 1 ? 500 : 200));
  const endpoint = await first.stripe.webhookEndpoints.create({
    url: hook.url,
    enabled_events: ["customer.created"],
  });
  const customer = await first.stripe.customers.create({ name: "Ada" }, { idempotencyKey: "once" });
  const session = await openCheckout(first.stripe);
  const { frozen_time: now } = await first.stripe.testHelpers.testClocks.retrieve(first.testClockId);
  await vi.waitFor(() => expect(hook.received).toHaveLength(1));
  await first.stripe.testHelpers.testClocks.advance(first.testClockId, { frozen_time: now + DAY / 2 });
  await kill(first.child);

  const second = await start(statePath);
  expect(second.testClockId).toBe(first.testClockId);
  const again = await second.stripe.customers.create({ name: "Ada" }, { idempotencyKey: "once" });
  expect(again.id).toBe(customer.id);
  expect((await second.stripe.customers.list()).data).toHaveLength(1);
  expect((await second.stripe.checkout.sessions.retrieve(session.id)).status).toBe("open");
  await vi.waitFor(() => expect(hook.received.length).toBeGreaterThanOrEqual(2), 5000);
  const { headers, body } = hook.received[1]!;
  expect(
    second.stripe.webhooks.constructEvent(body, headers["stripe-signature"] as string, endpoint.secret ?? "")
      .type,
  ).toBe("customer.created");
  await vi.waitFor(
    async () => {
      const clock = await second.stripe.testHelpers.testClocks.retrieve(second.testClockId);
      expect(clock.status).toBe("ready");
      expect(clock.frozen_time).toBeGreaterThanOrEqual(now + DAY / 2);
    },
    { timeout: 15_000 },
  );
  expect(await (await fetch(`${second.url}/_sim/jwks.json`)).json()).toEqual({ keys: [{ kid: "demo" }] });
  second.child.kill("SIGTERM");
  const [code] = (await once(second.child, "exit")) as [number];
  expect(code).toBe(0);
});

test("a second one on the same state, or on a port in use, says so and stops", {
  timeout: 30_000,
}, async () => {
  const statePath = stateFile();
  const first = await start(statePath);
  const refusalOf = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [code] = (await once(child, "close")) as [number];
    return { code, said };
  };
  expect(await refusalOf({ STRIPE_SIMULATOR_PORT: "0", STRIPE_SIMULATOR_STATE: statePath })).toMatchObject({
    code: 1,
    said: expect.stringContaining("STRIPE_SIMULATOR_STATE"),
  });
  expect(await refusalOf({ STRIPE_SIMULATOR_PORT: new URL(first.url).port })).toMatchObject({
    code: 1,
    said: expect.stringContaining("STRIPE_SIMULATOR_PORT"),
  });
  expect(await refusalOf({ STRIPE_SIMULATOR_PORT: "many", STRIPE_SIMULATOR_JWKS: "{" })).toMatchObject({
    code: 1,
    said: expect.stringMatching(/PORT[^]*JWKS/),
  });
});
