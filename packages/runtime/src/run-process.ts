import { hostname } from "node:os";
import type { Clock, ClockParticipant } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { followedClock } from "./followed-clock.ts";
import { Lifecycle } from "./lifecycle.ts";
import { createLogger, type Logger } from "./logger.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { type Check, startOpsServer } from "./ops-server.ts";
import type { ProcessEnv } from "./process-env.ts";

/** What every process has before it opens anything of its own. */
export interface ProcessContext {
  life: Lifecycle;
  log: Logger;
  clock: Clock & ClockParticipant;
  metrics: Metrics;
}

/** A process wired up but with its doors still shut. */
export interface Composed {
  /** What `/health/ready` asks, by name. */
  checks: Record<string, Check>;
  /** Opens the entrances: listeners, loops. From its end on the process is ready. */
  start(): Promise<unknown>;
}

interface ProcessDescription<Env> {
  name: string;
  env: Env;
  opsPort: number;
}

/**
 * Runs one process from here to its end: health and metrics first, then the clock, then `compose` and its `start`.
 * SIGTERM, SIGINT, or the parent's end where it was asked for, drain it within the lifecycle's deadline: exit 0, or
 * 1 where something did not close. What nobody caught, and a failed start, end it with 1 at once.
 */
export async function runProcess<Env extends ProcessEnv>(
  { name, env, opsPort }: ProcessDescription<Env>,
  compose: (env: Env, context: ProcessContext) => Composed | Promise<Composed>,
): Promise<void> {
  const log = createLogger({ name, level: env.LOG_LEVEL });
  const life = new Lifecycle();
  exitOnUncaught(log);
  exitOnRequest(life, log, env.DRIFTLOCK_STOP_WITH_PARENT);
  try {
    const metrics = createMetrics(name);
    let state = "starting";
    life.signal.addEventListener("abort", () => (state = "stopping"));
    const checks: Record<string, Check> = {
      process: async () => {
        if (state !== "running") throw new Error(`the process is ${state}`);
      },
    };
    const ops = await startOpsServer({
      host: env.BIND_HOST,
      port: opsPort,
      checks,
      registry: metrics.registry,
    });
    life.own("ops server", ops, ({ close }) => close());
    const clock = await clockOf(name, env, { life, log });
    const composed = await compose(env, { life, log, clock, metrics });
    Object.assign(checks, composed.checks);
    await composed.start();
    life.signal.throwIfAborted();
    state = "running";
    log.info({ opsUrl: ops.url, mode: env.DRIFTLOCK_MODE }, "process.started");
  } catch (error) {
    if (life.signal.aborted) return; // the stop that interrupted the start ends the process
    log.fatal({ err: error }, "process.start-failed");
    await life.close().catch((err: unknown) => log.error({ err }, "process.close-failed"));
    process.exit(1);
  }
}

function clockOf(name: string, env: ProcessEnv, { life, log }: Pick<ProcessContext, "life" | "log">) {
  const url = env.BUSINESS_CLOCK_URL;
  // By host, so that no instance reports for its siblings, and a restarted one takes its own place again.
  const participant = `${name}@${hostname()}`;
  return url === undefined
    ? systemClock()
    : followedClock({ url, name: participant, log, signal: life.signal });
}

function exitOnUncaught(log: Logger): void {
  const crash = (err: unknown) => {
    log.fatal({ err }, "process.crashed");
    process.exit(1);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}

function exitOnRequest(life: Lifecycle, log: Logger, stopWithParent: boolean): void {
  const stop = async (reason: string) => {
    if (life.signal.aborted) return;
    log.info({ reason }, "process.stopping");
    try {
      await life.close();
      log.info("process.stopped");
      process.exit(0);
    } catch (err) {
      log.error({ err }, "process.close-failed");
      process.exit(1);
    }
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));
  if (stopWithParent) process.stdin.resume().once("close", () => void stop("parent ended"));
}
