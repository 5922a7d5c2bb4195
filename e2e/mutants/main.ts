import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { faults } from "./faults.ts";

/**
 * Plants one fault after the other in the code and runs the test that has to catch it. Ends with `N faults, N caught`,
 * and with exit code 1 where one was not. `--only TEXT` runs those whose name has it.
 */
const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
const root = join(import.meta.dirname, "../..");
const chosen = faults.filter(({ name }) => name.includes(values.only));

let caught = 0;
for (const { name, file, code, fault, project, test, title } of chosen) {
  const path = join(root, file);
  const sound = readFileSync(path, "utf8");
  if (sound.split(code).length !== 2)
    throw new Error(`"${name}": the code to change is not there once: ${file}`);
  writeFileSync(
    path,
    sound.replace(code, () => fault),
  );
  // Put back whatever happens to us, short of kill -9; git shows what is left then.
  const restore = () => writeFileSync(path, sound);
  process.once("exit", restore);
  const run = spawnSync("vitest", ["run", "--project", project, test, ...(title ? ["-t", title] : [])], {
    cwd: root,
    encoding: "utf8",
    timeout: 300_000,
  });
  restore();
  process.off("exit", restore);
  const isCaught = /\b[1-9]\d* failed\b/.test(run.stdout) || run.error !== undefined;
  if (isCaught) caught++;
  process.stdout.write(`${isCaught ? "caught " : "MISSED "} ${name}  (${test})\n`);
}
process.stdout.write(`${chosen.length} faults, ${caught} caught\n`);
process.exitCode = caught === chosen.length ? 0 : 1;
