import { parseArgs } from "node:util";
import { type PlanId, PlanId as PlanIdSchema } from "@driftlock/contracts";
import { auditLog, catalog, type Db, planVersionMoves } from "@driftlock/db";
import { type MoveWish, planMoves } from "../plan-version/plan-moves.ts";
import { printMoves, versionDifferences } from "../plan-version/print-moves.ts";
import { readSetupEnv } from "../env.ts";
import { CommandFault, faultText } from "./command-fault.ts";
import { openCommand, type Opened, type Terminal } from "./open-command.ts";

const usage = `driftlock plans migrate --plan pro --from 1 --to 2 [--account ID …] [--when period-end|now]

Moves accounts from one version of a plan to the one that is sold. Prints what that comes to for each, and with --yes does
it: each account moves at the end of its own period, with nothing prorated; with --when now at once, prorated by Stripe.
Customers are told once. The worker carries it out; repeated, it says how far that is, and moves who has come to the version
since. --to the same version as --from takes back what is planned.

  --dry-run  changes nothing; the default
  --json     for scripts: every account
  --live     is needed with a live key
Ends with 0; with 1 where something is in the way, and then nothing was done.
`;

/** Accounts that one statement writes. */
const chunkSize = 10_000;

interface Wish extends MoveWish {
  yes: boolean;
  json: boolean;
  live: boolean;
}

/** `driftlock plans`. @returns the exit code. */
export async function runPlans(args: string[], terminal: Terminal): Promise<number> {
  const wish = readWish(args);
  if (wish === null) {
    terminal.stderr.write(usage);
    return 64;
  }
  try {
    await using opened = await openCommand(terminal.setup ?? readSetupEnv(), {
      name: "plans",
      allowsLive: wish.live,
    });
    return await migrate(opened, wish, terminal);
  } catch (error) {
    terminal.stderr.write(`${faultText(error)}\n`);
    return 1;
  }
}

function readWish(args: string[]): Wish | null {
  try {
    const flag = { type: "boolean", default: false } as const;
    const text = { type: "string" } as const;
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        plan: text,
        from: text,
        to: text,
        account: { type: "string", multiple: true },
        when: { type: "string", default: "period-end" },
        "dry-run": flag,
        yes: flag,
        json: flag,
        live: flag,
      },
    });
    const { when: timing, yes, json, live } = values;
    const planId = PlanIdSchema.safeParse(values.plan).data;
    const [fromVersion, toVersion] = [readVersion(values.from), readVersion(values.to)];
    if (positionals.join(" ") !== "plans migrate" || planId === undefined) return null;
    if (fromVersion === null || toVersion === null || (timing !== "period-end" && timing !== "now"))
      return null;
    if (values.yes && values["dry-run"]) return null;
    const accountIds = values.account === undefined ? null : [...new Set(values.account)];
    return { planId, fromVersion, toVersion, timing, accountIds, yes, json, live };
  } catch {
    return null;
  }
}

const readVersion = (text: string | undefined): number | null =>
  text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;

async function migrate({ db, clock }: Opened, wish: Wish, { stdout, stderr }: Terminal): Promise<number> {
  const { from, to } = await readVersions(db, wish);
  await expectKnown(db, wish.accountIds ?? []);
  const moves = await planMoves(db, wish, clock.now());
  const changes = versionDifferences(from, to);
  if (wish.yes) {
    const accountIds = moves.filter(({ isWritten }) => !isWritten).map(({ accountId }) => accountId);
    if (accountIds.length > 0) await writeMoves(db, { ...wish, accountIds }, clock.now());
  }
  if (wish.json) {
    const { planId, fromVersion, toVersion, timing: when, yes: isApplied } = wish;
    const accounts = moves.map(({ accountId, action, effectiveAt, detail }) => ({
      accountId,
      action,
      effectiveAt: effectiveAt?.toISOString() ?? null,
      detail,
    }));
    stdout.write(
      `${JSON.stringify({ planId, from: fromVersion, to: toVersion, when, isApplied, changes, accounts })}\n`,
    );
    return 0;
  }
  stdout.write(
    `${wish.planId} v${from.version} -> v${to.version}: ${changes.join("; ") || "nothing differs"}\n`,
  );
  stdout.write(printMoves(moves));
  if (moves.some(({ isWritten }) => !isWritten))
    stderr.write(
      wish.yes ? "written down; the worker carries it out\n" : "nothing was changed; --yes does it\n",
    );
  return 0;
}

/** @throws CommandFault where there are no such versions, or nobody can be moved between them. */
async function readVersions(db: Db, { planId, fromVersion, toVersion, timing }: Wish) {
  const plans = (await catalog.listPlans(db)).filter((plan) => plan.planId === planId);
  const find = (version: number) => {
    const plan = plans.find((each) => each.version === version);
    if (plan !== undefined) return plan;
    throw new CommandFault(
      `there is no ${planId} v${version}; there are ${plans.map((each) => `v${each.version}`).join(", ")}`,
    );
  };
  const [from, to] = [find(fromVersion), find(toVersion)];
  if (from !== to && !to.isCurrent)
    throw new CommandFault(
      `${planId} v${toVersion} is not sold any more: --to is v${plans.find((plan) => plan.isCurrent)?.version}`,
    );
  if (from.currency !== to.currency || from.interval !== to.interval)
    throw new CommandFault(
      `v${fromVersion} is billed in ${from.currency} by the ${from.interval}, v${toVersion} in ${to.currency} by the ` +
        `${to.interval}: a subscription cannot be moved between them, its customer has to buy the other one`,
    );
  if (planId === "free" && timing === "now")
    throw new CommandFault(
      "Free has a new version at the end of each account's own period: leave --when out",
    );
  return { from, to };
}

async function expectKnown(db: Db, accountIds: readonly string[]): Promise<void> {
  const known = await planVersionMoves.listKnownAccounts(db, accountIds);
  const unknown = accountIds.filter((accountId) => !known.includes(accountId));
  if (unknown.length > 0) throw new CommandFault(`there is no account ${unknown.join(", ")}`);
}

/** All of them or none, with what was done in the audit log. */
const writeMoves = (
  db: Db,
  of: {
    accountIds: readonly string[];
    planId: PlanId;
    fromVersion: number;
    toVersion: number;
    timing: MoveWish["timing"];
  },
  now: Date,
): Promise<unknown> =>
  db.transaction(async (tx) => {
    const { accountIds, planId, fromVersion, toVersion, timing } = of;
    for (let at = 0; at < accountIds.length; at += chunkSize)
      await planVersionMoves.upsertMoves(tx, {
        ...of,
        accountIds: accountIds.slice(at, at + chunkSize),
        now,
      });
    const named = accountIds.length <= linesInAudit ? { accountIds } : {};
    await auditLog.insertAuditEntry(tx, {
      actor: "cli",
      action: "plan.migrated",
      target: planId,
      detail: { fromVersion, toVersion, when: timing, accountCount: accountIds.length, ...named },
      now,
    });
  });

const linesInAudit = 100;
