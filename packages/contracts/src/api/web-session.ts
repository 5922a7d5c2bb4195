import { z } from "zod";

export const DemoSessionBody = z.strictObject({ token: z.string().min(1).max(256) });

export const DemoSessionDto = z.object({ userToken: z.string() });
export type DemoSessionDto = z.infer<typeof DemoSessionDto>;

/** What the front end needs to know before anybody has signed in. */
export const AppConfigDto = z.object({
  mode: z.enum(["simulator", "test", "live"]),
  stripePublishableKey: z.string().nullable(),
  stripeJsUrl: z.string(),
  /** Where a visitor signs in; null where the page only says how. */
  signInUrl: z.string().nullable(),
});
export type AppConfigDto = z.infer<typeof AppConfigDto>;
