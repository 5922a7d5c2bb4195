import type { ReconciliationDto, RepairDto } from "@driftlock/contracts";
import type { Standing } from "../account/standing.ts";
import { formatMetric, formatMetricPhrase } from "../format/metric.ts";
import { formatMoney } from "../format/money.ts";
import { formatQuantity } from "../format/quantity.ts";

/** The word for a comparison's state. */
export const reconciliationStanding: Record<ReconciliationDto["state"], Standing> = {
  drifted: { label: "Drifted", tone: "danger" },
  in_flight: { label: "On its way", tone: "neutral" },
  repaired: { label: "Repaired", tone: "good" },
  agrees: { label: "Agrees", tone: "good" },
};

const meanings: Record<string, { what: string; repair: string }> = {
  live: {
    what: "The counter that quotas are decided by is not the total.",
    repair:
      "Events may be refused, or let through, that should not be. A repair forgets the counter; it is built anew before the next decision.",
  },
  stored: {
    what: "The records do not make the total, by two readings.",
    repair:
      "A repair counts the total anew from the records; it does not where some of them are no longer kept.",
  },
  reported: {
    what: "Stripe’s meter was told something else than was counted.",
    repair:
      "In an open period a repair makes a report of what is missing; of a closed one it is billed apart, with the amount shown first.",
  },
  failed: {
    what: "Stripe refused a report.",
    repair: "No repair mends that: mend the cause, then release the report under “Set aside”.",
  },
  invoiced: {
    what: "A final line bills something else than was reported.",
    repair:
      "A repair fetches the invoice again. A final invoice is not changed by that: credit it, or bill apart.",
  },
};

/** What a kind of difference means, and what a repair does about it. */
export const differenceMeaning = (kind: string) =>
  meanings[kind] ?? { what: `The figure “${kind}” is not what it should be.`, repair: "" };

type Step = RepairDto["steps"][number];

/** One step of a repair, in words that hold before and after it is done. */
export function stepWords({ kind, metric, from, to, object, amountMinor, currency }: Step): string {
  const [before, after] = [from, to].map((each) => (each === null ? "none" : formatMetric(metric, each)));
  switch (kind) {
    case "recount-total":
      return `Count the total of ${metric} anew from its records: ${before} becomes ${after}.`;
    case "rebuild-counter":
      return `Build the live counter of ${metric} anew: ${before} becomes ${after}.`;
    case "freeze-window":
      return `Tell Stripe what is missing of ${metric}: from ${before} to ${after} (${object ?? ""}).`;
    case "adjust":
      return `Bill apart what the closed period of ${metric} holds: ${before} becomes ${after}${adjustedMoney(amountMinor, currency)}.`;
    case "fetch-invoice":
      return `Fetch the invoice ${object ?? ""} from Stripe again.`;
  }
}

const adjustedMoney = (amountMinor: number | null, currency: string | null): string =>
  amountMinor === null || currency === null ? "" : `, which is ${formatMoney(amountMinor, currency)}`;

const setAsideWords = (events: number): string =>
  events === 1 ? "1 event" : `${formatQuantity(events)} events`;

/** The figures that are compared, in the order in which usage passes them. */
export function figureFacts({ metric, figures }: ReconciliationDto): (readonly [string, string])[] {
  if (figures === null) return [];
  const shown = (quantity: number | null) =>
    quantity === null ? "not known" : formatMetric(metric, quantity);
  return [
    ["Accepted", shown(figures.accepted)],
    ["Stored", shown(figures.stored)],
    ["Total", formatMetricPhrase(metric, figures.total)],
    ["Counted live", shown(figures.live)],
    ...(figures.isBilled
      ? ([
          ["Told to Stripe", shown(figures.reported)],
          ["Confirmed", shown(figures.confirmed)],
          ["On its way", shown(figures.waiting)],
          ["Refused", shown(figures.refused)],
          ["Billed apart", shown(figures.adjusted)],
          ["Invoiced", shown(figures.invoiced)],
        ] as const)
      : []),
    ["Set aside", setAsideWords(figures.setAsideEvents)],
    ["Period", figures.isClosed ? "closed" : "open"],
  ];
}
