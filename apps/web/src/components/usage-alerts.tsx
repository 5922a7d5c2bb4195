import { useMutation, useQueryClient } from "@tanstack/react-query";
import {
  isShownChosen,
  type OfferedAlert,
  offeredAlerts,
  switchedChoices,
} from "../account/alert-choices.ts";
import { useAlerts } from "../api/account-queries.ts";
import { useTRPC } from "../api/client.ts";
import type { Alerts } from "../api/router-outputs.ts";
import { byMetric, formatMetricPhrase, metricWords } from "../format/metric.ts";
import { formatShare } from "../format/quantity.ts";
import { Instant } from "./instant.tsx";
import { Loaded } from "./loaded.tsx";
import { ProblemNotice } from "./problem-notice.tsx";

/** What the account is told of when its usage reaches it, to be switched on and off. */
export function UsageAlerts() {
  const alerts = useAlerts();
  return (
    <section className="panel" aria-labelledby="alerts-title">
      <h2 id="alerts-title">Usage alerts</h2>
      <p className="muted">Each is sent once a period to the endpoints that your notices go to.</p>
      <Loaded query={alerts} what="your alerts">
        {(data) => <AlertSwitches alerts={data} />}
      </Loaded>
    </section>
  );
}

function AlertSwitches({ alerts }: { alerts: Alerts }) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const change = useMutation(
    trpc.alerts.set.mutationOptions({
      onSuccess: (changed) => queryClient.setQueryData(trpc.alerts.get.queryKey(), changed),
    }),
  );
  // Each choice is all of them: one that is made meanwhile would undo the one that is on its way.
  const switchAlert = (switched: Parameters<typeof switchedChoices>[1]) => {
    if (!change.isPending) change.mutate({ metrics: switchedChoices(alerts, switched) });
  };
  const onItsWay = change.isPending ? change.variables.metrics : [];
  const limited = alerts.metrics
    .filter(
      ({ thresholds, isDefault }) => !isDefault || thresholds.some(({ reachedFrom }) => reachedFrom !== null),
    )
    .toSorted((one, other) => byMetric(one.metric, other.metric));
  return (
    <>
      {limited.map((metric) => (
        <fieldset key={metric.metric} className="choices">
          <legend>Tell me of {metricWords(metric.metric).units}</legend>
          {offeredAlerts(metric).map((alert) => (
            <label key={JSON.stringify(alert.threshold)}>
              <input
                type="checkbox"
                checked={isShownChosen(
                  alert,
                  onItsWay.find((choice) => choice.metric === metric.metric),
                )}
                // Not `disabled` meanwhile: that would take the focus from who uses a keyboard.
                aria-disabled={change.isPending || undefined}
                onChange={() => switchAlert({ metric: metric.metric, alert })}
              />
              <AlertWords metric={metric.metric} alert={alert} />
            </label>
          ))}
        </fieldset>
      ))}
      {change.isError && <ProblemNotice error={change.error} />}
    </>
  );
}

function AlertWords({ metric, alert: { threshold, firedAt } }: { metric: string; alert: OfferedAlert }) {
  return (
    <span>
      {"percent" in threshold
        ? `at ${formatShare(threshold.percent / 100)} of what is included`
        : `at ${formatMetricPhrase(metric, threshold.quantity)}`}
      {firedAt !== null && (
        <span className="muted">
          , told on <Instant at={firedAt} style="minute" />
        </span>
      )}
    </span>
  );
}
