import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder that is gone when the test is over. */
export async function makeTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "driftlock-devkit-"));
  await chmod(folder, 0o755); // as root, Postgres's user must reach it
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
