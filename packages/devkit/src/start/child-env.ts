import { localHost } from "./process-specs.ts";
import { DEMO_AUDIENCE, DEMO_ISSUER, type DemoCredentials } from "./demo-credentials.ts";
import { portNames, type StartSettings } from "./env.ts";

export interface SystemUrls {
  apiUrl: string;
  webhookUrl: string;
  /** Null with real Stripe. */
  stripeUrl: string | null;
}

export function urlsOf(settings: StartSettings): SystemUrls {
  const at = (port: number) => `http://${localHost(settings)}:${port}`;
  return {
    apiUrl: at(settings.ports.API_PORT),
    webhookUrl: `${at(settings.ports.WEBHOOK_PORT)}/webhooks/stripe`,
    stripeUrl: settings.mode === "simulator" ? at(settings.ports.STRIPE_SIMULATOR_PORT) : null,
  };
}

interface ChildEnvOptions {
  databaseUrl: string;
  redisUrl: string;
  credentials: DemoCredentials | null;
}

/** The environment of our own processes: what was given to us, and over it what we decide. */
export function childEnv(settings: StartSettings, options: ChildEnvOptions): NodeJS.ProcessEnv {
  const { apiUrl, stripeUrl } = urlsOf(settings);
  const { databaseUrl, redisUrl, credentials } = options;
  const env: NodeJS.ProcessEnv = {
    LOG_LEVEL: "info",
    PUBLIC_URL: apiUrl,
    AUTH_ACCOUNT_CLAIM: "account_id",
    ...settings.inherited,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    BIND_HOST: settings.bindHost,
    DRIFTLOCK_MODE: settings.mode,
    ...Object.fromEntries(portNames.map((name) => [name, String(settings.ports[name])])),
  };
  if (stripeUrl === null || credentials === null) return env;
  return {
    ...env,
    STRIPE_SECRET_KEY: credentials.stripeSecretKey,
    STRIPE_API_URL: stripeUrl,
    STRIPE_PUBLISHABLE_KEY: credentials.stripePublishableKey,
    STRIPE_JS_URL: `${stripeUrl}/_sim/stripe.js`,
    BUSINESS_CLOCK_URL: `${stripeUrl}/_sim/clock`,
    AUTH_JWKS_URL: `${stripeUrl}/_sim/jwks.json`,
    AUTH_ISSUER: DEMO_ISSUER,
    AUTH_AUDIENCE: DEMO_AUDIENCE,
  };
}
