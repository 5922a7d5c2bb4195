import { createTestDatabase, createTestRedis } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { drawBatch } from "../../../e2e/converge/draw-histories.ts";
import { runBatch } from "../../../e2e/converge/run-batch.ts";

const seed = 20_261_122;
const batches = [0, 1] as const;
const size = 50;

test.each(batches)(
  "50 customers, whatever is lost, late, repeated or dies: as Stripe says in the end (%i)",
  {
    timeout: 240_000,
  },
  async (batchNo) => {
    const batch = drawBatch({ seed, batchNo, size });
    const database = await createTestDatabase();
    const redis = await createTestRedis();
    const verdicts = await runBatch(batch, { databaseUrl: database.url, redisUrl: redis.url });
    await redis.drop();
    await database.drop();
    // One that diverges is shrunk by `npm run converge -- --history '…'`.
    const diverged = verdicts.flatMap(({ differences }, index) =>
      differences.length === 0
        ? []
        : [
            {
              differences,
              replay: JSON.stringify({ course: batch.course, history: batch.histories[index] }),
            },
          ],
    );
    expect(diverged).toEqual([]);
    expect(verdicts).toHaveLength(size);
  },
);
