import { parseArgs } from "node:util";
import { AppError, CreateKeyBody } from "@driftlock/contracts";
import { createDb, installation } from "@driftlock/db";
import { systemClock } from "@driftlock/runtime";
import { ZodError } from "zod";
import { readKeyCommandEnv } from "../env.ts";
import { createManageKeys } from "../use-cases/manage-keys.ts";

const usage = `driftlock keys create --scope <scope> [--scope <scope> …] [--account <id>] [--name <name>]

Makes an API key in the database of DATABASE_URL and prints it, this once.
Scopes: usage:write, billing:read, billing:write (of an account), service, operator (of none).
Through npm with two dashes, since npm has a --scope of its own: npm run driftlock -- keys create --scope operator
`;

/** `driftlock keys create`: makes the first key of an installation, without the gateway. @returns the exit code. */
async function run(args: string[]): Promise<number> {
  const wish = readWish(args);
  if (wish === null) {
    process.stderr.write(usage);
    return 64;
  }
  const db = createDb({
    connectionString: readKeyCommandEnv().DATABASE_URL,
    applicationName: "driftlock-keys",
    connectionsMax: 1,
  });
  try {
    const bound = await installation.findInstallation(db);
    if (bound === null) throw new Error("this database is not set up: run the migrations and the seed first");
    const keyMode = bound.mode === "live" ? "live" : "test";
    const keys = createManageKeys({ db, clock: systemClock(), keyMode, onRevoked: () => {} });
    const { key, id } = await keys.createKey("cli", CreateKeyBody.parse(wish));
    process.stdout.write(`${key}\n`);
    process.stderr.write(`${id}, ${wish.scopes.join(" ")}: keep it safe, it is not shown again\n`);
    return 0;
  } finally {
    await db.end();
  }
}

function readWish(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        scope: { type: "string", multiple: true },
        account: { type: "string" },
        name: { type: "string" },
      },
    });
    if (positionals.join(" ") !== "keys create" || values.scope === undefined) return null;
    const { scope: scopes, account: accountId, name } = values;
    return { scopes, ...(accountId !== undefined && { accountId }), ...(name !== undefined && { name }) };
  } catch {
    return null;
  }
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  const isExpected = error instanceof AppError || error instanceof ZodError;
  const text =
    error instanceof ZodError
      ? error.issues.map((issue) => issue.message).join("; ")
      : (error as Error).message;
  process.stderr.write(`${isExpected ? "" : "failed: "}${text}\n`);
  process.exitCode = 1;
}
