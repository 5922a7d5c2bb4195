import { databaseEnv, httpUrl, loadEnv, port, processSchema, redisEnv, secret } from "@driftlock/runtime";
import { dunningFinalSteps } from "@driftlock/domain";
import { z } from "zod";

const stripeEnv = {
  STRIPE_SECRET_KEY: secret(z.string().regex(/^[sr]k_(test|live)_/, "must be a secret key of Stripe")),
  /** The simulator; absent, Stripe itself. */
  STRIPE_API_URL: httpUrl().optional(),
  /** Reads of one endpoint of Stripe each second, by all workers together. */
  STRIPE_READS_PER_SECOND: z.coerce.number().int().min(1).default(20),
};

export const Env = processSchema(
  {
    ...databaseEnv,
    ...redisEnv,
    ...stripeEnv,
    WORKER_OPS_PORT: port(4103),
    /** Jobs at a time, of each queue. */
    WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(100).default(8),
    /** How often Stripe's list of events is compared with what arrived. */
    SWEEP_INTERVAL_MS: z.coerce.number().int().min(1_000).default(300_000),
    /** Who tries failed payments again: we, on our schedule, or Stripe on its own. */
    DUNNING_MODE: z.enum(["worker", "stripe"]).default("worker"),
    /** What happens when every try has failed: the subscription is cancelled, or paused, or cancelled and written off. */
    DUNNING_FINAL_STEP: z.enum(dunningFinalSteps).default("cancel"),
    /** How long after a period's end its usage may still come in (business time); on the simulator nobody is late. */
    CLOSE_LATENESS_MS: z.coerce.number().int().min(0).optional(),
    /** The mail server for what customers read, as smtps://user:password@host:465; absent, no mail is sent. */
    SMTP_URL: secret(z.url({ protocol: /^smtps?$/ })).optional(),
    /** What mails come from: an address, or "Name <address>". */
    MAIL_FROM: z
      .string()
      .regex(/@[^@\s]+$/, "must end in an address")
      .optional(),
  },
  (env, fault) => {
    if (env.SMTP_URL !== undefined && env.MAIL_FROM === undefined)
      fault("MAIL_FROM", "is missing: SMTP_URL needs it");
  },
);
export type Env = z.infer<typeof Env>;

/** The worker's configuration; a wrong one ends the process with every fault named. */
export const readWorkerEnv = (): Env => loadEnv(Env, process.env, { processName: "billing-worker" });

export const SetupEnv = z
  .object({
    ...databaseEnv,
    ...stripeEnv,
    DRIFTLOCK_MODE: z.enum(["simulator", "test", "live"]),
    /** The simulator's clock; absent, business time is the system's. */
    BUSINESS_CLOCK_URL: httpUrl().optional(),
    /** Where Stripe shall post to; absent, no endpoint is made. */
    WEBHOOK_URL: httpUrl().optional(),
    STRIPE_WEBHOOK_SECRET_FILE: z.string().optional(),
  })
  .refine((env) => env.WEBHOOK_URL === undefined || env.STRIPE_WEBHOOK_SECRET_FILE !== undefined, {
    path: ["STRIPE_WEBHOOK_SECRET_FILE"],
    message: "must say where the endpoint's secrets are kept, since WEBHOOK_URL is set",
  });

export type SetupEnv = z.infer<typeof SetupEnv>;

/** What the set-up of Stripe is told. */
export const readSetupEnv = (): SetupEnv => loadEnv(SetupEnv, process.env, { processName: "stripe-setup" });
