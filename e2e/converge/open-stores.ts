import startInfra, { type TestInfra } from "../../packages/devkit/src/testing/global-setup.ts";
import { createTestDatabase } from "../../packages/devkit/src/testing/test-database.ts";
import { createTestRedis } from "../../packages/devkit/src/testing/test-redis.ts";
import type { Stores } from "./place.ts";

export interface StoreMaker {
  /** A fresh database, and a Redis database of its own. */
  open(): Promise<{ stores: Stores; drop(): Promise<void> }>;
  close(): Promise<void>;
}

/** A Postgres and a Redis for as long as a run takes; each batch clones a migrated database. */
export async function startStores(): Promise<StoreMaker> {
  let infra: TestInfra | undefined;
  const close = await startInfra({ provide: (_key, given) => void (infra = given) });
  return {
    open: async () => {
      const database = await createTestDatabase({ infra });
      const redis = await createTestRedis(infra);
      return {
        stores: { databaseUrl: database.url, redisUrl: redis.url },
        drop: async () => {
          await redis.drop();
          await database.drop();
        },
      };
    },
    close,
  };
}
