import { parseAccessPolicy } from "@driftlock/domain";
import {
  databaseEnv,
  httpUrl,
  loadEnv,
  port,
  processSchema,
  redisEnv,
  secret,
  usageEnv,
} from "@driftlock/runtime";
import { z } from "zod";

/** The issuer of the demo's tokens, whose private key is on the disk of whoever runs the demo (DESIGN 2.2). */
const demoIssuer = "driftlock-demo";

const list = () =>
  z
    .string()
    .default("")
    .transform((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    );

/** The gateway's variables. */
export const Env = processSchema(
  {
    ...databaseEnv,
    ...redisEnv,
    API_PORT: port(4000),
    API_OPS_PORT: port(4100),
    /** Where browsers reach us: return URLs, allowed Host and origin follow from it. */
    PUBLIC_URL: httpUrl(),
    /** Further values of Host that are served, comma separated. */
    ALLOWED_HOSTS: list(),
    /** Origins that return URLs may have, comma separated. (Default: PUBLIC_URL's.) */
    ALLOWED_RETURN_ORIGINS: list().pipe(
      z.array(z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).origin)),
    ),
    /** Requests of one key in a second; keys of scope `service` have no limit. */
    RATE_LIMIT_PER_SECOND: z.coerce.number().int().min(1).default(1_000),
    /** The longest that a request may take to arrive, its body included; 408 ends it within a tenth more. */
    REQUEST_TIMEOUT_MS: z.coerce.number().int().min(1_000).default(60_000),
    ...usageEnv,
    /** Accepted usage that waits in Redis to be written to Postgres; with more of it, usage is 503. */
    USAGE_BACKLOG_BYTES_MAX: z.coerce
      .number()
      .int()
      .min(1)
      .default(2 * 1024 ** 3),
    /** Absent, no JWT is taken and only API keys are. */
    AUTH_JWKS_URL: httpUrl().optional(),
    AUTH_ISSUER: z.string().optional(),
    AUTH_AUDIENCE: z.string().optional(),
    AUTH_ACCOUNT_CLAIM: z.string().default("account_id"),
    /** The page that signs the front end's users in and sends them back with a token (ADR 0028). */
    AUTH_SIGN_IN_URL: httpUrl().optional(),
    /** Overrides of what each payment state allows, for example {"past_due":"read_only"}. */
    ACCESS_POLICY: z
      .string()
      .default("{}")
      .transform((json, issues) => {
        try {
          return parseAccessPolicy(json);
        } catch (error) {
          issues.addIssue({ code: "custom", message: (error as Error).message });
          return z.NEVER;
        }
      }),
    /** The key that signs reconciliation reports is encrypted with it; absent, none is signed. */
    REPORT_KEY_SECRET: secret(z.string().min(32, "must have 32 characters or more")).optional(),
    STRIPE_SECRET_KEY: secret(z.string().regex(/^[sr]k_(test|live)_/, "must be a secret key of Stripe")),
    /** The simulator; absent, Stripe itself. */
    STRIPE_API_URL: httpUrl().optional(),
    STRIPE_PUBLISHABLE_KEY: z.string().optional(),
    STRIPE_JS_URL: httpUrl().default("https://js.stripe.com/endive/stripe.js"),
    /** The built front end; absent, none is served. */
    WEB_DIST_DIR: z.string().optional(),
  },
  (env, fault) => {
    const mode = env.DRIFTLOCK_MODE ?? "simulator";
    for (const name of ["AUTH_ISSUER", "AUTH_AUDIENCE"] as const) {
      if (env.AUTH_JWKS_URL !== undefined && env[name] === undefined) {
        fault(name, "is missing: AUTH_JWKS_URL needs it");
      }
    }
    if (env.AUTH_SIGN_IN_URL !== undefined && env.AUTH_JWKS_URL === undefined) {
      fault("AUTH_SIGN_IN_URL", "needs AUTH_JWKS_URL: without it no token is taken");
    }
    if (env.AUTH_ISSUER === demoIssuer && mode !== "simulator") {
      fault("AUTH_ISSUER", "is the demo's, which is for DRIFTLOCK_MODE=simulator only");
    }
    if (env.STRIPE_API_URL !== undefined && mode === "live") {
      fault("STRIPE_API_URL", "must not be set in DRIFTLOCK_MODE=live");
    }
  },
);

export type Env = z.infer<typeof Env>;

/** Whose tokens are taken; null where none are. */
export const tokenSettingsOf = (env: Env) =>
  env.AUTH_JWKS_URL === undefined || env.AUTH_ISSUER === undefined || env.AUTH_AUDIENCE === undefined
    ? null
    : {
        jwksUrl: env.AUTH_JWKS_URL,
        issuer: env.AUTH_ISSUER,
        audience: env.AUTH_AUDIENCE,
        accountClaim: env.AUTH_ACCOUNT_CLAIM,
      };

/** What the key of the reports is encrypted with; null where reports are not signed. The simulator's protects nothing. */
export const reportKeySecretOf = ({ REPORT_KEY_SECRET, DRIFTLOCK_MODE }: Env): string | null =>
  REPORT_KEY_SECRET?.reveal() ??
  (DRIFTLOCK_MODE === "simulator" ? "the simulator signs nothing of worth" : null);

/** The gateway's configuration; a wrong one ends the process with every fault named. */
export const readApiEnv = (): Env => loadEnv(Env, process.env, { processName: "api" });

const KeyCommandEnv = z.object({
  ...databaseEnv,
  DRIFTLOCK_MODE: z.enum(["simulator", "test", "live"]).optional(),
});

/** What `driftlock keys create` is told. */
export const readKeyCommandEnv = () => loadEnv(KeyCommandEnv, process.env, { processName: "driftlock keys" });

const SeedDemoEnv = z.object({
  ...databaseEnv,
  DRIFTLOCK_MODE: z.literal("simulator", { error: "must be simulator: demo keys exist nowhere else" }),
  DRIFTLOCK_DEMO_FILE: z.string(),
});

/** What the demo's seed is told. */
export const readSeedDemoEnv = () => loadEnv(SeedDemoEnv, process.env, { processName: "seed-demo" });

const WebLinkEnv = z.object({
  ...redisEnv,
  DRIFTLOCK_MODE: z.literal("simulator", {
    error: "must be simulator: elsewhere your own issuer signs users in",
  }),
  PUBLIC_URL: httpUrl(),
  STRIPE_API_URL: httpUrl(),
  AUTH_ISSUER: z.string(),
  AUTH_AUDIENCE: z.string(),
  AUTH_ACCOUNT_CLAIM: z.string().default("account_id"),
});

/** What `driftlock web-link` is told. */
export const readWebLinkEnv = () => loadEnv(WebLinkEnv, process.env, { processName: "driftlock web-link" });
