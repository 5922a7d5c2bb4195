import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestDatabase, createTestRedis } from "@driftlock/devkit";
import { expect, onTestFinished, test } from "vitest";
import { drawBatch } from "../../../e2e/converge/draw-histories.ts";
import { drawRuin } from "../../../e2e/converge/kill9/ruin.ts";
import { runKill9Batch } from "../../../e2e/converge/kill9/run-kill9-batch.ts";

const drawn = { seed: 20_261_130, batchNo: 3, size: 6 };
const dayMinutes = 24 * 60;

/** Short, and with a renewal in it. */
const course = {
  gapsMinutes: [120, 16 * dayMinutes, 16 * dayMinutes],
  sweeps: [false, false, true],
  dunningMode: "worker",
  finalStep: "cancel",
} as const;

test("6 customers of processes that are killed with -9 at any moment: as Stripe says in the end", {
  timeout: 600_000,
}, async () => {
  const { histories } = drawBatch(drawn);
  const slots = course.gapsMinutes.length;
  const ruin = drawRuin({ ...drawn, slots });
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const redis = await createTestRedis();
  onTestFinished(() => redis.drop());
  const logFolder = mkdtempSync(join(tmpdir(), "driftlock-kill9-"));
  onTestFinished(() => rmSync(logFolder, { recursive: true }));
  const { verdicts, killed } = await runKill9Batch(
    { course: { ...course, gapsMinutes: [...course.gapsMinutes], sweeps: [...course.sweeps] }, histories },
    { ruin, logFolder, stores: { databaseUrl: database.url, redisUrl: redis.url } },
  );
  const diverged = verdicts.flatMap(({ differences }, index) =>
    differences.length === 0
      ? []
      : [{ differences, replay: JSON.stringify({ course, history: histories[index], ruin }) }],
  );
  expect(diverged).toEqual([]);
  expect(verdicts).toHaveLength(drawn.size);
  // Kills whose sign never came are not made.
  expect(Object.keys(killed).length).toBeGreaterThanOrEqual(2);
});
