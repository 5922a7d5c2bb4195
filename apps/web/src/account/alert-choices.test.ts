import { expect, test } from "vitest";
import type { Alerts } from "../api/router-outputs.ts";
import { isShownChosen, offeredAlerts, switchedChoices } from "./alert-choices.ts";

const told = { reachedFrom: null, firedAt: null };
const alerts: Alerts = {
  period: { start: "2026-03-01T00:00:00Z", end: "2026-04-01T00:00:00Z" },
  metrics: [
    { metric: "events", isDefault: true, thresholds: [50, 80, 100].map((percent) => ({ percent, ...told })) },
    {
      metric: "alerts",
      isDefault: false,
      thresholds: [
        { quantity: 7, ...told },
        { percent: 90, ...told },
      ],
    },
  ],
  spendCap: [],
};
const [events, others] = alerts.metrics;

test("the usual percentages are offered beside what was chosen", () => {
  expect(offeredAlerts(others!).map(({ threshold, isChosen }) => [threshold, isChosen])).toEqual([
    [{ percent: 50 }, false],
    [{ percent: 80 }, false],
    [{ percent: 90 }, true],
    [{ percent: 100 }, false],
    [{ quantity: 7 }, true],
  ]);
});

test("one is switched, the others stay, and what has its defaults is not named", () => {
  const [half] = offeredAlerts(events!);
  const chosen = { metric: "alerts", thresholds: [{ percent: 90 }, { quantity: 7 }] };
  expect(switchedChoices(alerts, { metric: "events", alert: half! })).toEqual([
    { metric: "events", thresholds: [{ percent: 80 }, { percent: 100 }] },
    chosen,
  ]);
  const [unchosen] = offeredAlerts(others!);
  expect(switchedChoices(alerts, { metric: "alerts", alert: unchosen! })).toEqual([
    { metric: "alerts", thresholds: [{ percent: 50 }, { percent: 90 }, { quantity: 7 }] },
  ]);
});

test("a switch shows the choice that is on its way", () => {
  const [half] = offeredAlerts(events!);
  const onItsWay = switchedChoices(alerts, { metric: "events", alert: half! }).find(
    ({ metric }) => metric === "events",
  );
  expect(isShownChosen(half!, onItsWay)).toBe(false);
  expect(isShownChosen(half!, undefined)).toBe(true);
});
