// Everything a change must pass besides its tests, each check one line: `npm run check`, or `npm run check -- lint`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";

interface Check {
  name: string;
  command: string;
  args: string[];
  /** What its output must show: a tool that looked at nothing reports no fault either. */
  proof?: RegExp;
}

const OUTPUT_LINES_MAX = 80;

const cruised = ["apps", "packages", "e2e", "bench", "scripts"].filter((folder) => existsSync(folder));

const checks: Check[] = [
  { name: "format", command: "biome", args: ["format", "."] },
  { name: "types", command: "turbo", args: ["run", "typecheck", "--output-logs=errors-only"] },
  { name: "types-of-scripts", command: "tsc", args: ["--noEmit", "-p", "tsconfig.json"] },
  { name: "lint", command: "oxlint", args: [], proof: /on [1-9]\d* files/ },
  { name: "boundaries", command: "depcruise", args: [...cruised, "--config"], proof: /[1-9]\d* modules/ },
  { name: "dead-code", command: "knip", args: ["--no-config-hints"] },
  { name: "links", command: "node", args: ["scripts/check-links.ts"], proof: /^[1-9]\d* documents/m },
  { name: "schema", command: "node", args: ["scripts/dump-schema.ts"] },
  { name: "mutants", command: "node", args: ["e2e/mutants/main.ts", "--check"], proof: /^[1-9]\d* faults/m },
  {
    name: "simulator-schemas",
    command: "node",
    args: ["packages/stripe-simulator/scripts/generate-schemas.ts", "--check"],
  },
];

async function run({ name, command, args, proof }: Check): Promise<boolean> {
  const startedAtMs = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const code = await once(child, "close").then(
    ([exitCode]) => exitCode as number | null,
    (error: Error) => {
      output += `${error.message}\n`;
      return 1;
    },
  );
  if (code === 0 && proof !== undefined && !proof.test(output)) output += `${command} looked at nothing\n`;
  const isRight = code === 0 && (proof?.test(output) ?? true);
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  if (!isRight) console.log(shortened(output));
  console.log(`${isRight ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  return isRight;
}

function shortened(output: string): string {
  const lines = output.trim().split("\n");
  const more = lines.length - OUTPUT_LINES_MAX;
  return more > 0
    ? [...lines.slice(0, OUTPUT_LINES_MAX), `(${more} more lines)`].join("\n")
    : lines.join("\n");
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(`no check "${unknown.join('", "')}"; there are ${checks.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const chosen = checks.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
let failed = 0;
for (const check of chosen) if (!(await run(check))) failed += 1;
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
