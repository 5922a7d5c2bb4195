import { spawnSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createDriver, freeSystemPorts, startSystem, until } from "@driftlock/devkit";
import { expect, onTestFinished, test } from "vitest";
import { compareStored, differencesOf, readFigures, untilDrained } from "./figures.ts";
import { openLoadAccounts, startPushLoad } from "./push-load.ts";
import { createRandom } from "@driftlock/runtime";

const diskMebibytes = 320;
const fullMs = 4_000;

/** Mounts a small disk of its own; null where this user or machine does not let us. */
function mountDisk(folder: string): { unmount(): void } | null {
  const run = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
  if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
  if (!run("mount", "-t", "tmpfs", "-o", `size=${diskMebibytes}m,mode=755`, "tmpfs", folder)) return null;
  return { unmount: () => void run("umount", "-l", folder) };
}

/** Takes all that is left of a disk. */
function fillDisk(file: string): void {
  const ballast = openSync(file, "w");
  const chunks = [Buffer.alloc(1 << 20, 1), Buffer.alloc(1 << 10, 1)];
  for (const chunk of chunks) {
    try {
      for (;;) writeSync(ballast, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
  closeSync(ballast);
}

test("with the disk of Postgres and Redis full nothing acknowledged is lost, and all goes on when there is room", async (context) => {
  // Where Postgres's user can reach it.
  const home = await mkdtemp("/var/tmp/driftlock-disk-");
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  await chmod(home, 0o755);
  const folder = join(home, "disk");
  await mkdir(folder);
  const disk = mountDisk(folder);
  if (disk === null) return context.skip("needs root and mount, for a disk that can be filled");
  onTestFinished(disk.unmount);
  await mkdir(join(home, "simulator"));
  for (const server of ["postgres", "redis"]) {
    await mkdir(join(folder, server));
    await symlink(join(folder, server), join(home, "simulator", server));
  }
  const env = { ...(await freeSystemPorts()), DRIFTLOCK_RESTART_MS_MAX: "200" };
  const running = await startSystem({ home, env, readyWithinMs: 120_000 });
  onTestFinished(async () => void (await running.stop()));
  const { dev } = running;
  const driver = createDriver(dev);
  const { accountIds, eventOf } = await openLoadAccounts(driver, "disk");
  const load = startPushLoad({
    ...{ urls: [dev.apiUrl], serviceKey: dev.serviceKey, prefix: "d", producers: 2, eventOf },
    random: createRandom(1),
  });
  await until("there is some usage", () => load.count() > 2_000);
  const ballast = join(folder, "ballast");
  const retriesBefore = load.retries();
  fillDisk(ballast);
  await until("nothing more is taken", () => load.retries() > retriesBefore + 5, 60_000);
  await pause(fullMs);
  rmSync(ballast);
  const countWhenFull = load.count();
  await until("events are taken again", () => load.count() > countWhenFull + 1_000, 60_000);
  await load.stop();

  await untilDrained(dev);
  const { missing, wrong, events } = await compareStored(dev.databaseUrl, load, accountIds);
  expect({ missing, wrong: wrong.slice(0, 20), faults: load.faults.slice(0, 20) }).toEqual({
    missing: [],
    wrong: [],
    faults: [],
  });
  expect((await readFigures(driver, load)).flatMap(differencesOf)).toEqual([]);
  expect(events).toBeGreaterThan(2_000);
});
