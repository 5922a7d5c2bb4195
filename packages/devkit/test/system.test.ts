import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import type { ProcessSpec } from "../src/infra/child-process.ts";
import { loadStartSettings } from "../src/start/env.ts";
import { openSystem } from "../src/start/system.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

test("a system stops its processes in order, each after what uses it", async () => {
  const home = await makeTemporaryFolder();
  const file = join(home, "notes");
  const settings = loadStartSettings({ DRIFTLOCK_HOME: home }, []);
  const system = await openSystem({ settings, say: () => {} });
  const notes = () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
  const spec = (name: string, rank: number): ProcessSpec => ({
    name,
    command: process.execPath,
    args: [join(import.meta.dirname, "fixtures/child-main.ts"), name, file],
    env: process.env,
    cwd: home,
    logFile: join(system.logFolder, `${name}.log`),
    rank,
    stopSignal: "SIGTERM",
    stopDeadlineMs: 10_000,
    check: async () => expect(notes()).toContain(`${name} started`),
    readyDeadlineMs: 10_000,
  });
  await Promise.all(
    [spec("postgres", 0), spec("app", 3), spec("redis", 1), spec("simulator", 2)].map(system.run),
  );
  await vi.waitFor(() => expect(notes()).toHaveLength(4));
  expect(readdirSync(join(settings.folder, "pids"))).toHaveLength(4);

  await system.stop(new AbortController().signal);

  const order = ["app", "simulator", "redis", "postgres"];
  expect(notes().slice(4)).toEqual(order.flatMap((name) => [`${name} told`, `${name} ended`]));
  expect(readdirSync(join(settings.folder, "pids"))).toEqual([]);
  await expect(system.run(spec("late", 3))).rejects.toThrow("given up");
});
