import { z } from "zod";

/** A TCP port; 0 asks the system for a free one. */
export const port = (standard: number) => {
  const error = "must be a port, from 0 to 65535";
  return z.coerce.number({ error }).int({ error }).min(0, { error }).max(65_535, { error }).default(standard);
};

/** An absolute http or https URL. */
export const httpUrl = () => z.url({ protocol: /^https?$/, error: "must be an http or https URL" });

/** The variables of every process. */
export const processEnv = {
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
  BIND_HOST: z.string().default("127.0.0.1"),
  DRIFTLOCK_MODE: z.enum(["simulator", "test", "live"]),
  /** The simulator's clock; absent, business time is the system's. */
  BUSINESS_CLOCK_URL: httpUrl().optional(),
  /** Stops the process when its stdin closes, so that a supervisor killed with -9 leaves nothing behind. */
  DRIFTLOCK_STOP_WITH_PARENT: z.stringbool().default(false),
};

export const redisEnv = {
  /** Of a cluster: redis+cluster://host:port?nodes=host:port,host:port. */
  REDIS_URL: z.url({
    protocol: /^rediss?(\+cluster)?$/,
    error: "must be a redis or rediss URL, or of a cluster a redis+cluster or rediss+cluster URL",
  }),
};

export const databaseEnv = {
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgres URL" }),
};

/** When usage is acknowledged (DESIGN 4.9): in Redis, on Redis's disk, or committed in Postgres. */
export const durabilityLevels = ["redis", "fsync", "committed"] as const;
export type DurabilityLevel = (typeof durabilityLevels)[number];

/** The same for all processes of usage. */
export const usageEnv = {
  USAGE_DURABILITY: z.enum(durabilityLevels).default("redis"),
};

type Parsed<Shape extends z.ZodRawShape> = z.infer<z.ZodObject<typeof processEnv & Shape>>;

/** Rules between variables. Of `env` there is only what is right by itself, so that each rule is always checked. */
type Rules<Shape extends z.ZodRawShape> = (
  env: Partial<Parsed<Shape>>,
  fault: (variable: keyof Parsed<Shape> & string, problem: string) => void,
) => void;

/** The schema of one process: its own variables on top of those of every process, and the rules between them. */
export function processSchema<Shape extends z.ZodRawShape>(shape: Shape, rules: Rules<Shape> = () => {}) {
  return z.object({ ...processEnv, ...shape }).superRefine(
    (env, context) => {
      const wrong = new Set(context.issues.map(({ path }) => path?.[0]));
      const right = Object.fromEntries(Object.entries(env).filter(([variable]) => !wrong.has(variable)));
      const fault = (variable: string, message: string) =>
        context.addIssue({ code: "custom", path: [variable], message });
      const mode = right["DRIFTLOCK_MODE"];
      if (right["BUSINESS_CLOCK_URL"] !== undefined && mode !== undefined && mode !== "simulator") {
        const why = "elsewhere business time is the system's";
        fault("BUSINESS_CLOCK_URL", `is for DRIFTLOCK_MODE=simulator only: ${why}`);
      }
      rules(right as Partial<Parsed<Shape>>, fault);
    },
    // Also when a variable is wrong by itself: every fault is named at once.
    { when: () => true },
  );
}

export type ProcessEnv = z.infer<ReturnType<typeof processSchema<Record<never, never>>>>;
