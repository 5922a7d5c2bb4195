import { fork } from "node:child_process";
import type { GeneratorMessage } from "./main.ts";
import type { LoadOrder, LoadReport } from "./run-load.ts";

export interface Generator {
  readonly pid: number;
  /** Resolve as the load goes on; reject where the generator ends first. */
  readonly measuring: Promise<void>;
  readonly ended: Promise<void>;
  readonly report: Promise<LoadReport>;
  stop(): void;
}

/** Starts a process that sends one load and reports. */
export function startGenerator(order: LoadOrder): Generator {
  const child = fork(new URL("main.ts", import.meta.url), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const measuring = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const report = Promise.withResolvers<LoadReport>();
  child.on("message", (message: GeneratorMessage) => {
    if (message.phase === "measuring") measuring.resolve();
    else if (message.phase === "ended") ended.resolve();
    else report.resolve(message.report);
  });
  child.once("exit", (code, signal) => {
    const error = new Error(`the load generator ended (${signal ?? `exit ${code}`})`);
    for (const each of [measuring, ended, report]) {
      each.promise.catch(() => {});
      each.reject(error);
    }
  });
  child.send(order);
  return {
    pid: child.pid ?? 0,
    measuring: measuring.promise,
    ended: ended.promise,
    report: report.promise,
    stop: () => void child.kill(),
  };
}
