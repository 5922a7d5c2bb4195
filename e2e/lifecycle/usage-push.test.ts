import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "@driftlock/devkit";
import { expect, onTestFinished, test } from "vitest";
import { system } from "../system.ts";

const cli = join(import.meta.dirname, "../../packages/sdk/src/cli/main.ts");
const stateOf = (path: string): string => {
  const statePath = `${path}.push-state.json`;
  return existsSync(statePath) ? readFileSync(statePath, "utf8") : "";
};

test("a file pushed by the command line, interrupted, killed and repeated counts once", async () => {
  const driver = system();
  const accountId = await driver.openAccount("push");
  await driver.subscribe(accountId, "business");
  const folder = await mkdtemp(join(tmpdir(), "driftlock-push-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "month.ndjson");
  const line = `${JSON.stringify({ metric: "events", accountId, properties: { region: "eu" } })}\n`;
  await writeFile(path, line.repeat(60_000));
  const start = () => {
    const child = spawn(process.execPath, [cli, "usage", "push", path, "--batch", "500"], {
      env: {
        PATH: process.env["PATH"],
        DRIFTLOCK_URL: driver.dev.apiUrl,
        DRIFTLOCK_API_KEY: driver.dev.serviceKey,
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    return { child, exited: once(child, "exit"), out: child.stdout.setEncoding("utf8").toArray() };
  };
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    const before = stateOf(path);
    const { child, exited } = start();
    await until("another part is pushed", () => stateOf(path) !== before);
    child.kill(signal);
    await exited;
  }
  const last = start();
  expect(await last.exited).toEqual([0, null]);
  const repeated = start();
  expect(await repeated.exited).toEqual([0, null]);
  expect(JSON.parse((await repeated.out).join(""))).toMatchObject({ refused: 0 });
  await until(
    "the usage is counted",
    async () => (await driver.metric(accountId, "events")).used === 60_000,
    30_000,
  );
});
