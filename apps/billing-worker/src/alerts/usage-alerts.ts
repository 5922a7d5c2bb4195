import { type AlertStandingRow, type Db, usageAlerts } from "@driftlock/db";
import { alertPeriodStart, parseThreshold, reachedAlerts } from "@driftlock/domain";
import type { Clock } from "@driftlock/runtime";
import { type ReachedAlert, tellAlert } from "./tell-alert.ts";

const minuteMs = 60_000;
/** Usage is stored some moments after its instant; and the looks of one process overlap. */
const overlapMs = 2 * minuteMs;
/** What moved while no worker lived, and for how long it is looked for at once. */
const firstLookMs = 60 * minuteMs;
const accountsAtOnce = 500;

/**
 * Tells accounts what their totals have reached. Totals are read from Postgres, never in the way of usage: `tellMoved`
 * looks at those that timely events have gone into since its last look; `tellNext` goes through all accounts in
 * turns, for what moved otherwise (late events, a plan that was changed, a threshold that is new).
 */
export interface UsageAlerts {
  tellMoved(): Promise<void>;
  tellNext(): Promise<void>;
}

export function createUsageAlerts({ db, clock }: { db: Db; clock: Clock }): UsageAlerts {
  let lookedAtMs: number | null = null;
  let after = "";
  return {
    tellMoved: async () => {
      const nowMs = clock.now().getTime();
      const sinceMs = lookedAtMs === null ? nowMs - firstLookMs : Math.min(lookedAtMs, nowMs) - overlapMs;
      await tellReached(db, await usageAlerts.listMovedStandings(db, new Date(sinceMs)), clock.now());
      lookedAtMs = nowMs;
    },
    tellNext: async () => {
      const now = clock.now();
      const page = { after, limit: accountsAtOnce, now };
      const { standings, lastAccountId } = await usageAlerts.listStandingsAfter(db, page);
      await tellReached(db, standings, now);
      after = lastAccountId ?? "";
    },
  };
}

async function tellReached(db: Db, standings: readonly AlertStandingRow[], now: Date): Promise<void> {
  const reached = standings.flatMap((standing): ReachedAlert[] => {
    const rules = { ...standing, thresholds: standing.thresholds?.map(parseThreshold) ?? null };
    const periodStart = alertPeriodStart(standing, standing.freeAnchorAt);
    return reachedAlerts(rules, standing.quantity).map((alert) => ({ standing, alert, periodStart }));
  });
  if (reached.length === 0) return;
  const keys = reached.map(({ standing: { accountId, metric }, alert, periodStart }) => ({
    accountId,
    metric,
    periodStart,
    threshold: alert.key,
  }));
  const told = new Set(await usageAlerts.listFiredPlaces(db, keys));
  for (const [place, each] of reached.entries()) if (!told.has(place)) await tellAlert(db, each, now);
}
