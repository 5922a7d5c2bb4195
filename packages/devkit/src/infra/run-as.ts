import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface RunAs {
  uid: number;
  gid: number;
}

/** The checkout this file is part of. */
export const checkoutRoot = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))));

/** Postgres refuses to run as root: there it runs as `nobody`. Undefined where we are not root. */
export function findRunAs(): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === "nobody");
  if (!entry)
    throw new Error("Postgres cannot run as root, and this machine has no user `nobody` to run it as");
  // Darwin's is -2, which is 2^32 - 2 as an unsigned number.
  return { uid: Number(entry[2]) >>> 0, gid: Number(entry[3]) >>> 0 };
}

/** Whether that user may read and enter a file or folder, by asking as that user. */
export function canReach(path: string, runAs: RunAs | undefined): boolean {
  if (runAs === undefined) return true;
  const result = spawnSync("/bin/sh", ["-c", 'test -r "$0" && test -x "$0"', path], { ...runAs, cwd: "/" });
  return result.status === 0;
}

/** The folder outside of the checkout for what `nobody` must reach; made by us alone, never one that was laid there. */
export function outsideFolder(parent = "/var/tmp"): string {
  const hash = createHash("sha256").update(checkoutRoot).digest("hex").slice(0, 12);
  const folder = join(parent, `driftlock-${hash}`);
  mkdirSync(folder, { recursive: true });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${folder} belongs to somebody else; remove it, or run from another checkout`);
  }
  chmodSync(folder, 0o755); // whatever the umask is
  return folder;
}
