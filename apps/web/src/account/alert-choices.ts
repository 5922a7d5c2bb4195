import type { AlertChoice, Alerts, AlertThreshold } from "../api/router-outputs.ts";

const offeredPercents = [50, 80, 100];

/** One thing that the account can be told of, and whether it is. */
export interface OfferedAlert {
  threshold: AlertThreshold;
  isChosen: boolean;
  /** When it was told in this period. */
  firedAt: string | null;
}

/** What is offered for a metric: the usual percentages, and whatever else the account chose; the lowest first. */
export function offeredAlerts(metric: Alerts["metrics"][number]): OfferedAlert[] {
  const chosen = metric.thresholds.map(({ percent, quantity, firedAt }) => ({
    threshold: percent === undefined ? { quantity: quantity ?? 0 } : { percent },
    isChosen: true,
    firedAt,
  }));
  const chosenPercents = new Set(metric.thresholds.map(({ percent }) => percent));
  const others = offeredPercents
    .filter((percent) => !chosenPercents.has(percent))
    .map((percent) => ({ threshold: { percent }, isChosen: false, firedAt: null }));
  const placeOf = ({ threshold }: OfferedAlert) =>
    "percent" in threshold ? threshold.percent : Number.MAX_SAFE_INTEGER;
  return [...chosen, ...others].sort((one, other) => placeOf(one) - placeOf(other));
}

/** The whole set of choices once one alert was switched; what has its defaults keeps them. */
export function switchedChoices(
  { metrics }: Alerts,
  switched: { metric: string; alert: OfferedAlert },
): AlertChoice[] {
  return metrics.flatMap((metric) => {
    const isSwitched = metric.metric === switched.metric;
    if (metric.isDefault && !isSwitched) return [];
    const thresholds = offeredAlerts(metric)
      .filter(
        ({ threshold, isChosen }) => isChosen !== (isSwitched && isSame(threshold, switched.alert.threshold)),
      )
      .map(({ threshold }) => threshold);
    return [{ metric: metric.metric, thresholds }];
  });
}

/** What a switch shows: the choice that is on its way, or what is so. */
export const isShownChosen = (
  { threshold, isChosen }: OfferedAlert,
  onItsWay: AlertChoice | undefined,
): boolean => onItsWay?.thresholds.some((each) => isSame(each, threshold)) ?? isChosen;

const isSame = (one: AlertThreshold, other: AlertThreshold): boolean =>
  JSON.stringify(one) === JSON.stringify(other);
