import { loadEnv, port, processSchema, redisEnv, Secret } from "@driftlock/runtime";
import { z } from "zod";

/** Comma separated. None at all would be a door without a lock, so that is a fault and never a default. */
const webhookSecrets = z.string().transform((text, issues) => {
  const secrets = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (secrets.length === 0) issues.addIssue("names no secret");
  if (secrets.some((part) => !/^whsec_\S+$/.test(part)))
    issues.addIssue("must be secrets that begin with whsec_, comma separated");
  return secrets.map((part) => new Secret(part));
});

export const Env = processSchema({
  ...redisEnv,
  WEBHOOK_PORT: port(4001),
  WEBHOOK_OPS_PORT: port(4101),
  STRIPE_WEBHOOK_SECRETS: webhookSecrets,
});
export type Env = z.infer<typeof Env>;

/** The ingester's configuration; a wrong one ends the process with every fault named. */
export const readIngesterEnv = (): Env => loadEnv(Env, process.env, { processName: "webhook-ingester" });
