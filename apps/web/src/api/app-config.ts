import type { AppConfigDto } from "@driftlock/contracts";
import { queryOptions } from "@tanstack/react-query";

/** What the gateway says of itself before anybody has signed in. */
export const appConfigQuery = queryOptions({
  queryKey: ["app-config"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async ({ signal }): Promise<AppConfigDto> => {
    const response = await fetch("/app-config.json", { signal });
    if (!response.ok) throw new Error(`/app-config.json answers ${response.status}`);
    return (await response.json()) as AppConfigDto;
  },
});
