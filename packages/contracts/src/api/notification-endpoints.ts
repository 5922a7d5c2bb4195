import { z } from "zod";
import { AccountChoice } from "./account-choice.ts";

export const notificationEndpointsMax = 10;

/** The whole set: what is not in it is removed, what is new gets a secret. */
export const NotificationEndpointsBody = z.strictObject({
  ...AccountChoice.shape,
  endpoints: z
    .array(z.strictObject({ url: z.url({ protocol: /^https?$/, error: "must be a URL" }).max(2048) }))
    .max(notificationEndpointsMax),
});
export type NotificationEndpointsBody = z.infer<typeof NotificationEndpointsBody>;

/** `secret` signs what is sent there (Standard Webhooks, `whsec_…`); it is told by PUT alone. */
export const NotificationEndpointDto = z
  .object({ id: z.string(), url: z.string(), secret: z.string().optional(), createdAt: z.iso.datetime() })
  .meta({ id: "NotificationEndpoint" });
export type NotificationEndpointDto = z.infer<typeof NotificationEndpointDto>;
