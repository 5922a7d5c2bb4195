import {
  eventAgeMaxMs,
  type LatePreviewDto,
  type UsageEvent,
  type UsageOutcome,
  usageResultCodes,
} from "@driftlock/contracts";
import { type Db, quarantineReview, usageRecords, usageSnapshots } from "@driftlock/db";
import type { Clock } from "@driftlock/runtime";
import type { CatalogCache } from "../usage/catalog-cache.ts";
import { UnreadableItem } from "../usage/parse-usage-body.ts";
import { createSnapshotLimits } from "../usage/snapshot-limits.ts";
import { type FaultyEvent, validateEvent } from "../usage/validate-event.ts";
import { createUsageForecast, type Forecast, type ForecastOutcome } from "./forecast-usage.ts";
import { priceForecast } from "./price-forecast.ts";
import { eventOfQuarantine } from "./quarantined-event.ts";

interface Deps {
  db: Db;
  clock: Clock;
  catalogCache: CatalogCache;
}

/** What is asked about: an event, or why it is none. */
type Asked = { event: UsageEvent } | { fault: FaultyEvent };

const accountsAtOnceMax = 500;

/**
 * What events would cost, and on which invoices, without counting any of them: by the rules that they would be judged and
 * billed by, from what is stored now. @throws UNAVAILABLE.
 */
export function createPreviewLateUsage({ db, clock, catalogCache }: Deps) {
  const limitsOf = createSnapshotLimits({ clock, catalogCache });

  /** Of events that would be sent to `POST /billing/usage`. */
  const previewLateUsage = async (items: readonly unknown[]): Promise<LatePreviewDto> => {
    const context = { nowMs: clock.now().getTime(), ownAccountId: null, catalog: await catalogCache.get() };
    const asked = items.map((item): Asked => {
      if (item instanceof UnreadableItem)
        return { fault: { fault: "invalid", detail: item.detail, id: item.id } };
      const each = validateEvent(item, context);
      return "fault" in each ? { fault: each } : { event: each };
    });
    return preview(asked, { isReleased: false });
  };

  /** Of what was set aside, if it were sent in again; what is settled already is left out. @throws INVALID_EVENT. */
  const previewReplay = async (ids: readonly number[]): Promise<LatePreviewDto> => {
    const rows = await quarantineReview.listOpenQuarantined(db, ids);
    return preview(
      rows.map((row) => ({ event: eventOfQuarantine(row) })),
      { isReleased: true },
    );
  };

  async function preview(
    asked: readonly Asked[],
    { isReleased }: { isReleased: boolean },
  ): Promise<LatePreviewDto> {
    const events = asked.flatMap((each) => ("event" in each ? [each.event] : []));
    const forecast = await takeForecast(events, isReleased);
    const answer = { accepted: 0, heldBack: 0, results: [] as LatePreviewDto["results"] };
    for (const [index, each] of asked.entries()) {
      const judged: Judged =
        "fault" in each
          ? { id: each.fault.id, outcome: each.fault.fault, detail: each.fault.detail }
          : { id: each.event.id, outcome: forecast.judge(each.event), detail: "" };
      if (judged.outcome === "accepted") answer.accepted++;
      else if (judged.outcome === "held-back") answer.heldBack++;
      else answer.results.push(toResult(index, { ...judged, outcome: judged.outcome }));
    }
    const { plans } = await catalogCache.get();
    return { ...answer, ...(await priceForecast({ db, clock }, forecast.totals(), plans)) };
  }

  async function takeForecast(events: readonly UsageEvent[], isReleased: boolean): Promise<Forecast> {
    const known = await usageRecords.listKnownEvents(db, events);
    const accountIds = [...new Set(events.map(({ accountId }) => accountId))];
    const accounts = [];
    for (let at = 0; at < accountIds.length; at += accountsAtOnceMax) {
      const wanted = accountIds
        .slice(at, at + accountsAtOnceMax)
        .map((accountId) => ({ accountId, partition: 0 }));
      const since = new Date(clock.now().getTime() - eventAgeMaxMs);
      for (const snapshot of await usageSnapshots.listUsageSnapshots(db, wanted, since))
        accounts.push({ ...snapshot, limits: await limitsOf(snapshot) });
    }
    const { metrics } = await catalogCache.get();
    const reviewed = isReleased ? [] : metrics.filter(({ latePolicy }) => latePolicy === "operator-review");
    return createUsageForecast({ accounts, known, reviewed: new Set(reviewed.map(({ metric }) => metric)) });
  }

  return { previewLateUsage, previewReplay };
}

interface Judged {
  id: string | null;
  outcome: ForecastOutcome | FaultyEvent["fault"];
  detail: string;
}

const toResult = (
  index: number,
  { id, outcome, detail }: { id: string | null; outcome: UsageOutcome; detail: string },
) => ({ index, id, outcome, code: usageResultCodes[outcome], detail: detail || details[outcome] });

const details: Record<UsageOutcome, string> = {
  duplicate: "this event is counted already",
  conflict: "this id is counted with another metric, quantity or properties",
  "quota-exceeded": "it does not fit into what its period allows",
  "period-closed": "its period takes nothing more of this metric",
  "unknown-account": "there is no such account",
  "unknown-metric": "there is no such metric",
  invalid: "it is not valid",
};
