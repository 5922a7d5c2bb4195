import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { catalog } from "@driftlock/db";
import { stripeCall } from "@driftlock/stripe";
import { bindStripeAccount } from "../catalog/bind-stripe-account.ts";
import { readCatalogFile, toCatalogFile } from "../catalog/catalog-file.ts";
import { applySteps, CatalogConflict, type CatalogStep } from "../catalog/catalog-step.ts";
import { planPush } from "../catalog/plan-push.ts";
import { hasDrift, printSteps } from "../catalog/print-steps.ts";
import { readSetupEnv, type SetupEnv } from "../env.ts";
import { faultText } from "./command-fault.ts";
import { openCommand, type Opened, type Terminal } from "./open-command.ts";

const usage = `driftlock catalog push [--file catalog.json] [--yes] [--check] [--json] [--live]
driftlock catalog show

push prints what it takes to bring Stripe to the catalogue, and with --yes does it: products, prices, meters, the portal's
configuration and, given WEBHOOK_URL, the webhook endpoint. It can be interrupted and repeated. With --file new versions of
plans are published; subscriptions keep theirs. show prints the plans that are sold, as such a file.

  --check  changes nothing; ends with 2 where there is something to do
  --live   is needed with a live key
Ends with 0; with 1 where something is in the way, and then nothing was done or the rest is done by a repeat.
`;

/** `driftlock catalog`. @returns the exit code. */
export async function runCatalog(args: string[], terminal: Terminal): Promise<number> {
  const wish = readWish(args);
  if (wish === null) {
    terminal.stderr.write(usage);
    return 64;
  }
  try {
    const env = terminal.setup ?? readSetupEnv();
    await using opened = await openCommand(env, {
      name: "catalog",
      allowsLive: wish.live || wish.verb === "show",
    });
    return wish.verb === "show"
      ? await show(opened, terminal)
      : await push(opened, { ...wish, env }, terminal);
  } catch (error) {
    const text =
      error instanceof CatalogConflict ? `${error.message}\nnothing was changed` : faultText(error);
    terminal.stderr.write(`${text}\n`);
    return 1;
  }
}

interface Wish {
  verb: "push" | "show";
  file: string | undefined;
  yes: boolean;
  check: boolean;
  json: boolean;
  live: boolean;
}

function readWish(args: string[]): Wish | null {
  try {
    const flag = { type: "boolean", default: false } as const;
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { file: { type: "string" }, yes: flag, check: flag, json: flag, live: flag },
    });
    const [subject, verb, ...others] = positionals;
    if (subject !== "catalog" || others.length > 0 || (verb !== "push" && verb !== "show")) return null;
    if (values.yes && values.check) return null;
    const { file, yes, check, json, live } = values;
    return { verb, file, yes, check, json, live };
  } catch {
    return null;
  }
}

async function show({ db }: Opened, { stdout }: Terminal): Promise<number> {
  stdout.write(`${JSON.stringify(toCatalogFile(await catalog.listPlans(db)), null, 2)}\n`);
  return 0;
}

async function push(
  opened: Opened,
  wish: Wish & { env: SetupEnv },
  { stdout, stderr }: Terminal,
): Promise<number> {
  const { db, stripe, accountId } = opened;
  const { WEBHOOK_URL: url, STRIPE_WEBHOOK_SECRET_FILE: secretFile, DRIFTLOCK_MODE: mode } = wish.env;
  const steps = await planPush(opened, {
    file: wish.file === undefined ? undefined : readCatalogFile(await readFile(wish.file, "utf8")),
    webhooks: url !== undefined && secretFile !== undefined ? { url, secretFile } : undefined,
  });
  if (!wish.json) stdout.write(`Stripe account ${accountId}, ${mode}\n${printSteps(steps)}`);
  if (wish.yes) {
    await bindStripeAccount({ db, stripe, secretKey: wish.env.STRIPE_SECRET_KEY.reveal(), mode });
    await stripeCall(() => applySteps(steps));
  }
  if (wish.json)
    stdout.write(`${JSON.stringify({ accountId, mode, isApplied: wish.yes, steps: steps.map(told) })}\n`);
  else if (hasDrift(steps)) stderr.write(wish.yes ? "done\n" : "nothing was changed; --yes does it\n");
  return wish.check && hasDrift(steps) ? 2 : 0;
}

const told = ({ action, kind, key, detail }: CatalogStep) => ({ action, kind, key, detail });
