import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { inject, onTestFinished } from "vitest";

/** A folder that is gone when the test is over. */
export async function makeTemporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(inject("driftlock").folder, "test-"));
  await chmod(folder, 0o755); // as root, Postgres's user must reach it
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
