import { type Transaction, periodCloses, usageReports } from "@driftlock/db";
import { freezeWindow } from "@driftlock/domain";
import type { CloseStep } from "./close-step.ts";

const windowsMax = 100;

/** Freezes what is left to report of the period; the aggregator sends it within its period (the last second of it). */
export const freezeUsage: CloseStep = async ({ db, clock }, close) => {
  const now = clock.now();
  await db.transaction(async (tx) => {
    for (const { periodStart } of await periodCloses.listPeriodsOfClose(tx, close))
      await freezeLeft(tx, { accountId: close.accountId, periodStart, now });
    await periodCloses.updateCloseState(tx, close, { state: "verifying" });
  });
  return "advanced";
};

/** Writes windows for what of one period's totals was not frozen yet. */
export async function freezeLeft(
  tx: Transaction,
  { accountId, periodStart, now }: { accountId: string; periodStart: Date; now: Date },
): Promise<void> {
  const left = await usageReports.listUnreported(tx, {
    period: { accountId, periodStart },
    limit: windowsMax,
  });
  await usageReports.insertReports(
    tx,
    left.map((total) => freezeWindow(total, now)),
    now,
  );
}
