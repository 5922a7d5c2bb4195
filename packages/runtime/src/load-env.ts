import type { z } from "zod";

/** EX_CONFIG of sysexits.h: restarting without a change cannot help. */
const EXIT_CONFIG = 78;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigurationFault {
  variable: string;
  problem: string;
}

export type ReadEnv<Env> = { env: Env; faults?: never } | { env?: never; faults: ConfigurationFault[] };

/** Parses `source`, an empty variable being an absent one, and names every fault at once. Values are never quoted. */
export function readEnv<Schema extends z.ZodObject>(
  schema: Schema,
  source: Environment,
): ReadEnv<z.infer<Schema>> {
  const given = Object.fromEntries(
    Object.entries(source).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = schema.safeParse(given);
  if (parsed.success) return { env: parsed.data };
  return {
    faults: parsed.error.issues.map((issue) => {
      const variable = String(issue.path[0] ?? "(all)");
      const isMissing = !(variable in given) && issue.code !== "custom";
      return { variable, problem: isMissing ? "is missing" : issue.message };
    }),
  };
}

/**
 * The environment of a process, or its end: a wrong one is explained on stderr with exit code 78. With
 * `--check-config` on the command line a right one is confirmed and the process ends with 0.
 */
export function loadEnv<Schema extends z.ZodObject>(
  schema: Schema,
  source: Environment,
  { processName }: { processName: string },
): z.infer<Schema> {
  const { env, faults } = readEnv(schema, source);
  if (faults) {
    process.stderr.write(renderFaults(processName, faults));
    process.exit(EXIT_CONFIG);
  }
  if (process.argv.includes("--check-config")) {
    process.stdout.write("configuration ok\n");
    process.exit(0);
  }
  return env;
}

function renderFaults(processName: string, faults: ConfigurationFault[]): string {
  const width = Math.max(...faults.map(({ variable }) => variable.length));
  const lines = faults.map(({ variable, problem }) => `  ${variable.padEnd(width)}  ${problem}`);
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  return `${processName} cannot start, its configuration has ${count}:\n${lines.join("\n")}\n`;
}
