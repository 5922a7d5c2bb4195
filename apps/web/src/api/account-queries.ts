import { useQuery, useQueryClient } from "@tanstack/react-query";
import { byMetric } from "../format/metric.ts";
import { useTRPC } from "./client.ts";
import type { Subscription } from "./router-outputs.ts";

const subscriptionEveryMs = 10_000;
const usageEveryMs = 5_000;
const plansFreshMs = 300_000;

export const usePlans = () =>
  useQuery(useTRPC().plans.list.queryOptions(undefined, { staleTime: plansFreshMs }));

/** What the account has. Time and payments change it without us, so it is looked at again. */
export const useSubscription = () =>
  useQuery(useTRPC().subscription.get.queryOptions(undefined, { refetchInterval: subscriptionEveryMs }));

export const useUsage = () =>
  useQuery(
    useTRPC().usage.get.queryOptions(undefined, {
      refetchInterval: usageEveryMs,
      select: ({ metrics }) => metrics.toSorted((one, other) => byMetric(one.metric, other.metric)),
    }),
  );

export const useSpendCap = () => useQuery(useTRPC().spendCap.get.queryOptions());

export const useAlerts = () => useQuery(useTRPC().alerts.get.queryOptions());

/** Takes the answer to a change as the present state, and reads anew what follows from it. */
export function useTakeChange() {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  return async (subscription: Subscription): Promise<void> => {
    queryClient.setQueryData(trpc.subscription.get.queryKey(), subscription);
    await queryClient.invalidateQueries();
  };
}
