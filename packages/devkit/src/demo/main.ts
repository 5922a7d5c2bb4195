import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createDriver } from "../driver/driver.ts";
import { startSystem } from "../driver/start-system.ts";
import { freeSystemPorts } from "../driver/system-ports.ts";
import { playMonth } from "./play-month.ts";

const home = join(resolve(process.env["DRIFTLOCK_HOME"] ?? ".driftlock"), "demo");

/** `npm run demo`: a system of its own beside a running one, a billing month, both sides' figures, and away with it. */
async function main(): Promise<void> {
  const startedAt = performance.now();
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  process.stdout.write("Starting a private system for the demo ...\n");
  const system = await startSystem({ home, env: await freeSystemPorts(), readyWithinMs: 180_000 });
  const readyAt = performance.now();
  try {
    await playMonth(createDriver(system.dev), (line) => process.stdout.write(`${line}\n`));
    const seconds = (from: number) => ((performance.now() - from) / 1000).toFixed(1);
    process.stdout.write(
      `\nA billing month and its dunning in ${seconds(readyAt)} s (${seconds(startedAt)} s with the start).\n`,
    );
  } finally {
    await system.stop();
  }
}

await main();
