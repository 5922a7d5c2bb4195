import { createDb, type Db, installation } from "@driftlock/db";
import { type Clock, systemClock } from "@driftlock/runtime";
import { createStripe, type Stripe, verifyStripeAccount } from "@driftlock/stripe";
import type { SetupEnv } from "../env.ts";
import { CommandFault } from "./command-fault.ts";

export interface Terminal {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  /** What a command works on; absent, the environment's. */
  setup?: SetupEnv;
}

export interface Opened {
  db: Db;
  stripe: Stripe;
  /** Business time. */
  clock: Clock;
  /** Stripe's account that the key belongs to. */
  accountId: string;
  [Symbol.asyncDispose](): Promise<void>;
}

interface CommandOptions {
  name: string;
  allowsLive: boolean;
  /** Nothing is ever changed at Stripe. */
  isReadOnly?: boolean;
}

/**
 * What a command works on. The database may not be bound yet; if it is, the key has to be of its account and mode.
 * @throws CommandFault on live data without `allowsLive`; an error that says what does not fit otherwise.
 */
export async function openCommand(
  env: SetupEnv,
  { name, allowsLive, isReadOnly = false }: CommandOptions,
): Promise<Opened> {
  const secretKey = env.STRIPE_SECRET_KEY.reveal();
  if (/^[sr]k_live_/.test(secretKey) && !allowsLive)
    throw new CommandFault("STRIPE_SECRET_KEY is a live key: pass --live, if live data is what you mean");
  const db = createDb({
    connectionString: env.DATABASE_URL,
    applicationName: `driftlock-${name}`,
    connectionsMax: 2,
  });
  try {
    const stripe = createStripe({
      secretKey,
      apiUrl: env.STRIPE_API_URL,
      maxNetworkRetries: 5,
      readsPerSecond: env.STRIPE_READS_PER_SECOND,
      isReadOnly,
    });
    const bound = await installation.findInstallation(db);
    if (bound === null)
      throw new CommandFault("this database is not set up: run the migrations and the seed first");
    if (bound.mode !== env.DRIFTLOCK_MODE)
      throw new CommandFault(
        `this database belongs to mode "${bound.mode}", and DRIFTLOCK_MODE is "${env.DRIFTLOCK_MODE}"`,
      );
    const accountId = await verifyStripeAccount({
      stripe,
      secretKey,
      mode: bound.mode,
      boundTo: bound.stripeAccountId,
    });
    const clock = bound.mode === "simulator" ? await simulatedClock(env.STRIPE_API_URL) : systemClock();
    return { db, stripe, clock, accountId, [Symbol.asyncDispose]: () => db.end() };
  } catch (error) {
    await db.end();
    throw error;
  }
}

/** The simulator's time as it is now, which goes on at the pace of ours. */
async function simulatedClock(apiUrl: string | undefined): Promise<Clock> {
  if (apiUrl === undefined) return systemClock();
  const answer = await fetch(`${apiUrl}/_sim/clock`);
  const { offsetMs } = (await answer.json()) as { offsetMs: number };
  return { now: () => new Date(Date.now() + offsetMs) };
}
