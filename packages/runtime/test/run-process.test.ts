import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "vitest";

const children: ChildProcess[] = [];
const right = { DRIFTLOCK_MODE: "simulator", PORT: "1", KEY: "sk_test_do_not_print" };

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(env: Record<string, string>, args: string[] = []) {
  const fixture = new URL("./fixtures/process.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [fixture, ...args], { env, stdio: ["pipe", "pipe", "pipe"] });
  children.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk));
  return { child, output, ended: once(child, "close").then(([code]) => code as number | null) };
}

async function untilStarted(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("stdout is not piped");
  for await (const line of createInterface(child.stdout)) {
    const { msg, opsUrl } = JSON.parse(line) as { msg: string; opsUrl: string };
    if (msg === "process.started") return opsUrl;
  }
  throw new Error("it ended before it was ready");
}

const messages = (stdout: string) =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("a wrong configuration names every fault, without values, and exits 78", async () => {
  const env = {
    DRIFTLOCK_MODE: "live",
    PORT: "eighty",
    BUSINESS_CLOCK_URL: "http://127.0.0.1:1/clock",
    LOG_LEVEL: "",
  };
  const { output, ended } = start(env);
  expect(await ended).toBe(78);
  expect(output.stderr).toContain("fixture cannot start, its configuration has 3 faults");
  expect(output.stderr).toMatch(/PORT +Invalid input: expected number/);
  expect(output.stderr).toMatch(/KEY +is missing/);
  expect(output.stderr).toMatch(/BUSINESS_CLOCK_URL +is for DRIFTLOCK_MODE=simulator only/);
  expect(output.stderr).not.toContain("eighty");
});

test("--check-config confirms a right configuration and starts nothing", async () => {
  const { output, ended } = start(right, ["--check-config"]);
  expect(await ended).toBe(0);
  expect(output.stdout).toBe("configuration ok\n");
});

test("SIGTERM releases the newest first and exits 0; no secret is in the log", async () => {
  const { child, output, ended } = start(right);
  const opsUrl = await untilStarted(child);
  const ready = await fetch(`${opsUrl}/health/ready`);
  expect(await ready.json()).toMatchObject({
    checks: { process: { ok: true }, always: { ok: true, detail: "fine" } },
  });
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  const released = messages(output.stdout).filter(({ msg }) => msg === "resource.released");
  expect(released.map(({ resource }) => resource)).toEqual(["second", "first"]);
  expect(output.stdout).not.toContain("sk_test_do_not_print");
  expect(output.stdout).not.toContain("Bearer abc");
  expect(output.stdout).not.toContain("redis_do_not_print");
  expect(messages(output.stdout).filter(({ msg }) => msg === "fixture.refused")).toHaveLength(3);
});

test("it stops with its parent where it was told to, also when nobody reads its output any more", async () => {
  const { child, ended } = start({ ...right, DRIFTLOCK_STOP_WITH_PARENT: "1" });
  await untilStarted(child);
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.stdin?.destroy();
  expect(await ended).toBe(0);
});

test("what nobody caught ends it with 1", async () => {
  const { output, ended } = start({ ...right, CRASH: "true" });
  expect(await ended).toBe(1);
  expect(messages(output.stdout).at(-1)).toMatchObject({
    msg: "process.crashed",
    err: { message: "nobody caught this" },
  });
});
