import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createDriver } from "../driver/driver.ts";
import { startSystem } from "../driver/start-system.ts";
import { freeSystemPorts } from "../driver/system-ports.ts";
import { createPage } from "./page.ts";
import { playChanges } from "./play-changes.ts";
import { playMonth } from "./play-month.ts";
import { playTrouble } from "./play-trouble.ts";

const home = join(resolve(process.env["DRIFTLOCK_HOME"] ?? ".driftlock"), "demo");

/** `npm run demo`: a system of its own beside a running one, three customers' months with both sides' figures, and away with it. */
async function main(): Promise<void> {
  const startedAt = performance.now();
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  process.stdout.write("Starting a private system for the demo ...\n");
  const system = await startSystem({ home, env: await freeSystemPorts(), readyWithinMs: 180_000 });
  const readyAt = performance.now();
  try {
    const driver = createDriver(system.dev);
    const page = createPage((line) => process.stdout.write(`${line}\n`));
    const seconds = (from: number) => ((performance.now() - from) / 1000).toFixed(1);
    await playMonth(driver, page);
    page.figure("a billing month and its dunning took", `${seconds(readyAt)} s`);
    await playChanges(driver, page);
    await playTrouble(driver, page);
    process.stdout.write(`\nAll of it in ${seconds(readyAt)} s (${seconds(startedAt)} s with the start).\n`);
    page.end();
  } finally {
    await system.stop();
  }
}

await main();
