import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join, relative } from "node:path";
import type { ProcessSpec } from "../infra/child-process.ts";
import { checkoutRoot } from "../infra/run-as.ts";
import { RANK } from "./process-specs.ts";

const web = join(checkoutRoot, "apps/web");
/** What the build depends on; `dist` and dependencies are left out, the latter stand in the lockfile. */
const SOURCES = ["apps/web", "packages/contracts/src", "pnpm-lock.yaml"];
const LEFT_OUT = new Set(["dist", "node_modules", ".turbo"]);
const KEPT_DAYS = 7;

interface BuildOptions {
  toolsHome: string;
  say: (text: string) => void;
  runVite: (args: readonly string[], cwd: string) => Promise<unknown>;
}

/**
 * The folder of a web build of the present sources, made when there is none. Each build has a folder named by the
 * hash of its sources, so that it is never stale, and never changes below a system that serves it.
 */
export async function keepWebBuild({ toolsHome, say, runVite }: BuildOptions): Promise<string> {
  const parent = join(toolsHome, "web");
  const target = join(parent, hashSources());
  if (!existsSync(target)) {
    say("building the web front end");
    mkdirSync(parent, { recursive: true });
    const staging = `${target}.${process.pid}`;
    await runVite(["build", "--outDir", staging, "--emptyOutDir"], web);
    try {
      renameSync(staging, target);
    } catch (error) {
      rmSync(staging, { recursive: true, force: true });
      if (!existsSync(target)) throw error; // else another run was faster
    }
  }
  utimesSync(target, new Date(), new Date());
  removeOldBuilds(parent, target);
  return target;
}

/** `vite build --watch`, for `npm run dev`: builds again into the same folder at each change. */
export function webWatchSpec(options: {
  folder: string;
  logFolder: string;
  env: NodeJS.ProcessEnv;
}): ProcessSpec {
  const outDir = join(options.folder, "web");
  return {
    name: "web",
    command: viteCommand,
    args: ["build", "--watch", "--outDir", outDir, "--emptyOutDir"],
    env: options.env,
    cwd: web,
    logFile: join(options.logFolder, "web.log"),
    rank: RANK.app,
    stopSignal: "SIGTERM",
    stopDeadlineMs: 5_000,
    check: async () => void statSync(join(outDir, "index.html")),
    readyDeadlineMs: 120_000,
  };
}

export const viteCommand = join(web, "node_modules/.bin/vite");

function hashSources(): string {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    for (const file of listFiles(join(checkoutRoot, source))) {
      hash
        .update(`${relative(checkoutRoot, file)}\0`)
        .update(readFileSync(file))
        .update("\0");
    }
  }
  return hash.digest("hex").slice(0, 16);
}

function listFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => !LEFT_OUT.has(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => listFiles(join(path, entry.name)));
}

function removeOldBuilds(parent: string, target: string): void {
  for (const entry of readdirSync(parent)) {
    const path = join(parent, entry);
    const ageMs = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (path !== target && ageMs > KEPT_DAYS * 86_400_000) rmSync(path, { recursive: true, force: true });
  }
}
