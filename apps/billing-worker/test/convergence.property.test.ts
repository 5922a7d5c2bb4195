import { createTestDatabase, createTestRedis } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { drawBatch } from "../../../e2e/converge/draw-histories.ts";
import { runBatch } from "../../../e2e/converge/run-batch.ts";

test("60 customers, whatever is lost, late, repeated or dies: as Stripe says in the end", {
  timeout: 240_000,
}, async () => {
  const batch = drawBatch({ seed: 20_261_122, batchNo: 1, size: 60 });
  const database = await createTestDatabase();
  const redis = await createTestRedis();
  const verdicts = await runBatch(batch, { databaseUrl: database.url, redisUrl: redis.url });
  await redis.drop();
  await database.drop();
  // One that diverges is shrunk by `npm run converge -- --history '…'`.
  const diverged = verdicts.flatMap(({ differences }, index) =>
    differences.length === 0
      ? []
      : [{ differences, replay: JSON.stringify({ course: batch.course, history: batch.histories[index] }) }],
  );
  expect(diverged).toEqual([]);
  expect(verdicts).toHaveLength(60);
});
