/** The database that the set-up commands work on. @throws when DATABASE_URL is not set. */
export function databaseUrl(): string {
  const url = process.env["DATABASE_URL"];
  if (url === undefined || url === "")
    throw new Error("DATABASE_URL is not set: give the database to set up");
  return url;
}

/** What `seed-main.ts` is told: the mode that the database is bound to, and how many partitions usage has, for good. */
export function seedEnv(): { mode: string; usagePartitions: number } {
  return {
    mode: process.env["DRIFTLOCK_MODE"] ?? "live",
    usagePartitions: Number(process.env["USAGE_PARTITIONS"] ?? 2),
  };
}
