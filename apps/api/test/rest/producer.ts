import type { Gateway } from "../helpers.ts";

/** Speaks as a producer of an account of its own, on Free: 10,000 events, 100 alerts. */
export async function openProducer(gateway: Gateway) {
  const account = await gateway.openAccount();
  const key = await gateway.addKey(["usage:write", "billing:read"], account);
  return {
    account,
    key,
    post: (body: unknown, headers?: Record<string, string>, bearer = key) =>
      gateway.request("POST", "/billing/usage", { bearer, body, ...(headers && { headers }) }),
    usageOf: async (metric: string) => {
      const { body } = await gateway.request("GET", "/billing/usage", { bearer: key });
      return body.metrics.find((each: { metric: string }) => each.metric === metric);
    },
  };
}

export const eventsOf = (count: number, prefix = "e") =>
  Array.from({ length: count }, (_, index) => ({ id: `${prefix}-${index}`, metric: "events" }));

/** RFC 3339, from now. */
export const at = (offsetMs: number) => new Date(Date.now() + offsetMs).toISOString();
