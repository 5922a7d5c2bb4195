import { createDb } from "./db.ts";
import { databaseUrl, seedEnv } from "./env.ts";
import { seedCatalog } from "./seed/seed-catalog.ts";

const db = createDb({
  connectionString: databaseUrl(),
  applicationName: "driftlock-seed",
  connectionsMax: 1,
});
try {
  await seedCatalog(db, { ...seedEnv(), now: new Date() });
  process.stdout.write("plans, features and metrics are in place\n");
} finally {
  await db.end();
}
