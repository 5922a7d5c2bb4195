import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { ProcessSpec } from "../src/infra/child-process.ts";
import { createGuard } from "../src/infra/guard.ts";
import { identifyProcess } from "../src/infra/process-table.ts";
import { supervise } from "../src/start/supervise.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

async function prepare(habit = "") {
  const folder = await makeTemporaryFolder();
  const file = join(folder, "notes");
  const guard = createGuard(join(folder, "pids"));
  onTestFinished(() => guard.close());
  const notes = () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
  const said: string[] = [];
  const spec: ProcessSpec = {
    name: "child",
    command: process.execPath,
    args: [join(import.meta.dirname, "fixtures/child-main.ts"), "child", file, habit],
    env: process.env,
    cwd: folder,
    logFile: join(folder, "child.log"),
    rank: 3,
    stopSignal: "SIGTERM",
    stopDeadlineMs: 10_000,
    check: async () => expect(notes().at(-1)).toBe("child started"),
    readyDeadlineMs: 5_000,
  };
  return {
    spec,
    notes,
    said,
    deps: { guard, say: (text: string) => void said.push(text), restartMsMax: 30_000 },
  };
}

test("a child that is killed is started again and said so, and one that is stopped is not", async () => {
  const { spec, notes, said, deps } = await prepare();
  const child = supervise(spec, deps);
  await child.ready;
  const first = child.pid ?? 0;
  process.kill(first, "SIGKILL");
  await vi.waitFor(() => expect(said.at(-1)).toBe("child is back"), 10_000);
  await vi.waitFor(() => expect(notes()).toHaveLength(2), 5_000);
  expect(said[0]).toBe("child stopped (SIGKILL); starting it again in 1 s");
  expect(child.pid).not.toBe(first);
  await child.stop();
  expect(notes()).toEqual(["child started", "child started", "child told", "child ended"]);
  expect(identifyProcess(child.pid ?? 0)).toBeNull();
});

test("a child that is killed on purpose need not be waited for", async () => {
  const { spec, said, deps } = await prepare();
  const child = supervise(spec, { ...deps, restartMsMax: 50 });
  await child.ready;
  process.kill(child.pid ?? 0, "SIGKILL");
  await vi.waitFor(() => expect(said.at(-1)).toBe("child is back"), 10_000);
  expect(said[0]).toBe("child stopped (SIGKILL); starting it again in 0.05 s");
  await child.stop();
});

test("a child that hears nothing is killed at its deadline, or at once in a hurry", async () => {
  const { spec, deps } = await prepare("deaf");
  const patient = supervise({ ...spec, stopDeadlineMs: 200 }, deps);
  await patient.ready;
  await patient.stop();
  expect(identifyProcess(patient.pid ?? 0)).toBeNull();

  const hurried = supervise({ ...spec, check: () => Promise.resolve() }, deps);
  await hurried.ready;
  await hurried.stop(AbortSignal.abort());
  expect(identifyProcess(hurried.pid ?? 0)).toBeNull();
});

test("a child that does not come up is tried three times, and fails the start with its last words", async () => {
  const { spec, notes, deps } = await prepare("dies");
  await expect(
    supervise({ ...spec, check: () => Promise.reject(new Error("no")) }, deps).ready,
  ).rejects.toThrow("child stopped while starting (exit 3)");
  expect(notes()).toHaveLength(3);
});

test("a child that says its configuration is wrong is not tried again", async () => {
  const { spec, notes, deps } = await prepare("misconfigured");
  await expect(
    supervise({ ...spec, check: () => Promise.reject(new Error("no")) }, deps).ready,
  ).rejects.toThrow("child stopped while starting (exit 78)");
  expect(notes()).toHaveLength(1);
});

test("a stop while the child is being started leaves nothing running", async () => {
  const { spec, deps } = await prepare();
  const child = supervise({ ...spec, check: () => Promise.reject(new Error("never")) }, deps);
  const failed = expect(child.ready).rejects.toThrow();
  await vi.waitFor(() => expect(child.pid).toBeDefined());
  await child.stop();
  await failed;
  expect(identifyProcess(child.pid ?? 0)).toBeNull();
});
