import { createDb } from "@driftlock/db";
import { systemClock } from "@driftlock/runtime";
import { createStripe } from "@driftlock/stripe";
import { bindStripeAccount } from "./catalog/bind-stripe-account.ts";
import { push } from "./catalog/plan-push.ts";
import { readSetupEnv } from "./env.ts";

const env = readSetupEnv();
const secretKey = env.STRIPE_SECRET_KEY.reveal();
const db = createDb({
  connectionString: env.DATABASE_URL,
  applicationName: "driftlock-stripe-setup",
  connectionsMax: 2,
});
const stripe = createStripe({ secretKey, apiUrl: env.STRIPE_API_URL, maxNetworkRetries: 5 });
try {
  const account = await bindStripeAccount({ db, stripe, secretKey, mode: env.DRIFTLOCK_MODE });
  const { WEBHOOK_URL: url, STRIPE_WEBHOOK_SECRET_FILE: secretFile } = env;
  const webhooks = url !== undefined && secretFile !== undefined ? { url, secretFile } : undefined;
  const steps = await push({ db, stripe, clock: systemClock() }, { webhooks });
  const priceCount = steps.filter(({ kind }) => kind === "price").length;
  const posts = url === undefined ? "no webhook endpoint" : `events are posted to ${url}`;
  process.stdout.write(`bound to ${account}; ${priceCount} prices are in place; ${posts}\n`);
} finally {
  await db.end();
}
