import { z } from "zod";

/** A TCP port; 0 asks the system for a free one. */
export const port = (standard: number) => z.coerce.number().int().min(0).max(65_535).default(standard);

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
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: "must be a redis or rediss URL" }),
};

export const databaseEnv = {
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgres URL" }),
};

/** The schema of one process: its own variables on top of those of every process, and the rules between them. */
export function processSchema<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object({ ...processEnv, ...shape }).superRefine(
    (env, issues) => {
      // Checked on whatever parsed, so that this fault is named together with the others.
      const { BUSINESS_CLOCK_URL, DRIFTLOCK_MODE } = env as {
        BUSINESS_CLOCK_URL?: string;
        DRIFTLOCK_MODE?: string;
      };
      if (BUSINESS_CLOCK_URL === undefined || DRIFTLOCK_MODE === "simulator") return;
      issues.addIssue({
        code: "custom",
        path: ["BUSINESS_CLOCK_URL"],
        message: "is for DRIFTLOCK_MODE=simulator only: elsewhere business time is the system's",
      });
    },
    { when: () => true },
  );
}

export type ProcessEnv = z.infer<ReturnType<typeof processSchema<Record<never, never>>>>;
