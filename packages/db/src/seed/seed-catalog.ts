import type { Db } from "../db.ts";
import { insertMetricIfMissing, insertPlanIfMissing } from "../queries/catalog.ts";
import { findInstallation, insertInstallation } from "../queries/installation.ts";
import { catalogMetrics, catalogPlans } from "./catalog.ts";

/**
 * Binds the database to a mode and brings its catalogue up to date; safe to repeat.
 * @throws when the database was bound to another mode before.
 */
export async function seedCatalog(
  db: Db,
  options: { mode: string; usagePartitions: number; now: Date },
): Promise<void> {
  await db.transaction(async (tx) => {
    await insertInstallation(tx, options);
    const bound = await findInstallation(tx);
    if (bound?.mode !== options.mode) {
      throw new Error(
        `this database belongs to mode "${bound?.mode}", not "${options.mode}": give each mode its own database`,
      );
    }
    for (const metric of catalogMetrics) await insertMetricIfMissing(tx, metric, options.now);
    for (const plan of catalogPlans) await insertPlanIfMissing(tx, plan, options.now);
  });
}
