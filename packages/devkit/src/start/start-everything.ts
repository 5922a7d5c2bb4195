import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkoutRoot } from "../infra/run-as.ts";
import { childEnv, urlsOf, type SystemUrls } from "./child-env.ts";
import { keepDemoCredentials, writeDemoSeed, type DemoCredentials } from "./demo-credentials.ts";
import { publishDevFile } from "./dev-file.ts";
import type { StartSettings } from "./env.ts";
import { appSpecs, simulatorSpec } from "./process-specs.ts";
import { runStep } from "./run-step.ts";
import type { System } from "./system.ts";
import { keepWebBuild, viteCommand, webWatchSpec } from "./web-build.ts";

export interface StartedSystem {
  urls: SystemUrls;
  /** Set on the simulator alone. */
  demo: { webUrl: string; credentials: DemoCredentials } | null;
  /** Takes back what says that the system is ready. */
  unpublish(): Promise<void>;
}

interface StartDeps {
  settings: StartSettings;
  system: System;
  /** Aborted when the start is given up. */
  signal: AbortSignal;
  say: (text: string) => void;
}

/** Brings everything up in order; resolves when every process is ready. */
export async function startEverything({ settings, system, signal, say }: StartDeps): Promise<StartedSystem> {
  const { logFolder, guard } = system;
  const urls = urlsOf(settings);
  const { stripeUrl } = urls;
  const credentials = stripeUrl
    ? await keepDemoCredentials(settings.folder, settings.inherited["AUTH_ACCOUNT_CLAIM"] || "account_id")
    : null;

  say("starting Postgres and Redis");
  const { databaseUrl, redisUrl } = await system.runInfra();
  const env = childEnv(settings, { databaseUrl, redisUrl, credentials });
  const step = (name: string, entry: string, extra: NodeJS.ProcessEnv = {}) =>
    runStep({
      ...{ name, logFolder, guard, signal, cwd: checkoutRoot, command: process.execPath },
      args: ["--disable-warning=ExperimentalWarning", join(checkoutRoot, entry)],
      env: { ...env, ...extra },
    }).then((lastLine) => say(`${name}: ${lastLine}`));

  await step("migrate", "packages/db/src/migrate-main.ts");
  await step("seed", "packages/db/src/seed-main.ts");
  if (credentials) {
    const file = writeDemoSeed(settings.folder, credentials);
    await step("seed-demo", "apps/api/src/commands/seed-demo.ts", { DRIFTLOCK_DEMO_FILE: file });
  }

  if (stripeUrl) {
    say("starting the Stripe simulator");
    const state = join(settings.folder, "stripe-simulator.db");
    const jwks = JSON.stringify(credentials?.jwks);
    const simulatorEnv = { ...env, STRIPE_SIMULATOR_STATE: state, STRIPE_SIMULATOR_JWKS: jwks };
    await system.run(simulatorSpec(settings, { env: simulatorEnv, logFolder, url: stripeUrl }));
  }

  const secretFile = join(settings.folder, "stripe-webhook-secret");
  await step("stripe-setup", "apps/billing-worker/src/setup-main.ts", {
    STRIPE_WEBHOOK_SECRET_FILE: secretFile,
    ...(stripeUrl ? { WEBHOOK_URL: urls.webhookUrl } : {}),
  });
  const webhookSecrets = collectSecrets(secretFile, stripeUrl ? undefined : env["STRIPE_WEBHOOK_SECRETS"]);

  const webDistDir = await findWeb();
  say("starting the API gateway, webhook ingester, usage aggregator and billing worker");
  const appEnv = { ...env, WEB_DIST_DIR: webDistDir, STRIPE_WEBHOOK_SECRETS: webhookSecrets.join(",") };
  await Promise.all(appSpecs(settings, { env: appEnv, logFolder }).map((spec) => system.run(spec)));

  if (!credentials || !stripeUrl) return { urls, demo: null, unpublish: async () => {} };
  const devFile = await publishDevFile({
    home: settings.home,
    credentials,
    content: {
      apiUrl: urls.apiUrl,
      webhookUrl: urls.webhookUrl,
      stripeUrl,
      stripeSecretKey: credentials.stripeSecretKey,
      webhookSecret: webhookSecrets[0] ?? "",
      serviceKey: credentials.serviceKey,
      operatorKey: credentials.operatorKey,
      testClockId: await findTestClock(stripeUrl, credentials.stripeSecretKey),
      databaseUrl,
      redisUrl,
    },
  });
  return { urls, demo: { webUrl: devFile.webUrl, credentials }, unpublish: devFile.close };

  async function findWeb(): Promise<string> {
    if (settings.webDistDir !== undefined) return settings.webDistDir;
    if (settings.isWatching) {
      await system.run(webWatchSpec({ folder: settings.folder, logFolder, env }));
      return join(settings.folder, "web");
    }
    const runVite = (args: readonly string[], cwd: string) =>
      runStep({ name: "web-build", command: viteCommand, args, env, cwd, logFolder, guard, signal });
    return keepWebBuild({ toolsHome: settings.toolsHome, say, runVite });
  }
}

function collectSecrets(file: string, given: string | undefined): string[] {
  const kept = existsSync(file) ? readFileSync(file, "utf8") : "";
  const secrets = [...new Set(`${kept},${given ?? ""}`.split(/[\s,]+/).filter((secret) => secret !== ""))];
  if (secrets.length > 0) return secrets;
  throw new Error(
    "there is no webhook secret: set WEBHOOK_URL to the public URL that Stripe shall post to (an endpoint is made " +
      "for it), or STRIPE_WEBHOOK_SECRETS to what `stripe listen --forward-to` prints",
  );
}

/** The clock that the simulator made first: the one everybody lives on. */
async function findTestClock(stripeUrl: string, stripeSecretKey: string): Promise<string> {
  const response = await fetch(`${stripeUrl}/v1/test_helpers/test_clocks?limit=100`, {
    headers: { authorization: `Bearer ${stripeSecretKey}` },
  });
  const { data } = (await response.json()) as { data?: { id: string }[] };
  const first = data?.at(-1);
  if (!first) throw new Error("the Stripe simulator has no test clock");
  return first.id;
}
