import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { billingFaults } from "./billing-faults.ts";
import { convergeFaults } from "./converge-faults.ts";
import { type Fault, faults } from "./faults.ts";
import { knownIdsFaults } from "./known-ids-faults.ts";

/**
 * Plants one fault after the other in the code and runs the test that has to catch it. Ends with `N faults, N caught`,
 * and with exit code 1 where one was not. `--only TEXT` runs those whose name has it; `--check` only sees that each can
 * still be planted.
 */
const { values } = parseArgs({
  options: { only: { type: "string", default: "" }, check: { type: "boolean", default: false } },
});
const root = join(import.meta.dirname, "../..");
const testMsMax = 300_000;
/** Histories do not hang: one that took so long was not caught. */
const convergeMsMax = 1_200_000;

/** The file with the fault and without. @throws Error where the code to change is not there once. */
function readFault({ name, file, code, fault }: Fault): { path: string; sound: string; faulty: string } {
  const path = join(root, file);
  const sound = readFileSync(path, "utf8");
  if (sound.split(code).length !== 2)
    throw new Error(`"${name}": the code to change is not there once: ${file}`);
  return { path, sound, faulty: sound.replace(code, () => fault) };
}

const commandOf = (fault: Fault): [command: string, args: string[]] => {
  if ("converge" in fault) {
    const { seed, histories } = fault.converge;
    const given = `--seed ${seed} --histories ${histories} --batch 50 --stop --shrink 0`;
    return ["node", ["e2e/converge/converge-main.ts", ...given.split(" ")]];
  }
  const { project, test, title } = fault;
  return ["vitest", ["run", "--project", project, test, ...(title ? ["-t", title] : [])]];
};

/** A test that hangs has caught it too. */
function isCaught(fault: Fault): boolean {
  const isHistories = "converge" in fault;
  const [command, args] = commandOf(fault);
  const timeout = isHistories ? convergeMsMax : testMsMax;
  const run = spawnSync(command, args, { cwd: root, encoding: "utf8", timeout });
  if (run.error !== undefined && (run.error as NodeJS.ErrnoException).code !== "ETIMEDOUT") throw run.error;
  if (isHistories) return hasDiverged(run.stdout, run.stderr);
  return run.error !== undefined || /\b[1-9]\d* failed\b/.test(run.stdout);
}

/** @throws Error where the run broke off, which says nothing about the fault. */
function hasDiverged(stdout: string, stderr: string): boolean {
  const told = /^\d+ histories, (\d+) diverged$/m.exec(stdout);
  if (told === null) throw new Error(`the histories came to no end:\n${stderr.slice(-2_000)}`);
  return told[1] !== "0";
}

/** What catches it, as it is told. */
const catcherOf = (fault: Fault): string =>
  "converge" in fault ? `converge, seed ${fault.converge.seed}` : fault.test;

function plant(fault: Fault): boolean {
  const { path, sound, faulty } = readFault(fault);
  writeFileSync(path, faulty);
  try {
    return isCaught(fault);
  } finally {
    writeFileSync(path, sound);
  }
}

// A signal waits for the test that runs, and so for the sound code to be back; after kill -9 git shows what is left.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

const chosen = [...faults, ...knownIdsFaults, ...billingFaults, ...convergeFaults].filter(({ name }) =>
  name.includes(values.only),
);
for (const fault of chosen) readFault(fault);
if (values.check) process.stdout.write(`${chosen.length} faults can be planted\n`);
else {
  let caught = 0;
  for (const fault of chosen) {
    const isFound = plant(fault);
    if (isFound) caught++;
    process.stdout.write(`${isFound ? "caught " : "MISSED "} ${fault.name}  (${catcherOf(fault)})\n`);
    // Lets a signal that came meanwhile be heard.
    await new Promise(setImmediate);
  }
  process.stdout.write(`${chosen.length} faults, ${caught} caught\n`);
  process.exitCode = caught === chosen.length ? 0 : 1;
}
