import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { checkoutRoot } from "../infra/run-as.ts";

/** Where the migrations are that are shipped. */
export const shippedMigrations = join(checkoutRoot, "packages/db/migrations");

export interface MigrationsCopy {
  folder: string;
  remove(): Promise<void>;
}

/**
 * A copy of the shipped migrations in a folder of one's own, for a database as it was before one of them.
 * `before`: the name of the first that is left out, or how it begins.
 */
export async function copyMigrations({ before }: { before?: string } = {}): Promise<MigrationsCopy> {
  const folder = await mkdtemp(join(tmpdir(), "driftlock-migrations-"));
  await cp(shippedMigrations, folder, {
    recursive: true,
    filter: (source) => source === shippedMigrations || before === undefined || basename(source) < before,
  });
  return { folder, remove: () => rm(folder, { recursive: true }) };
}
