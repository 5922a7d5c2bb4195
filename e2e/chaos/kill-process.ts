import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "@driftlock/devkit";
import { inject } from "vitest";

function findPid(name: string): number | null {
  const folder = inject("pidFolder");
  for (const file of readdirSync(folder)) {
    const record = JSON.parse(readFileSync(join(folder, file), "utf8")) as { name: string };
    if (record.name === name) return Number(file.replace(".json", ""));
  }
  return null;
}

/** Kills a process of the running system with -9 and resolves when the supervisor has another one of that name. */
export async function killProcess(name: string): Promise<void> {
  const pid = await until(`${name} runs`, () => findPid(name));
  process.kill(pid, "SIGKILL");
  await until(`${name} was started again`, () => {
    const next = findPid(name);
    return next !== null && next !== pid;
  });
}
