import { type ProcessSpec, type RunningProcess, startProcess, waitUntilReady } from "./child-process.ts";
import type { Guard } from "./guard.ts";

/** A server that a test may kill, stop and start again; its data and its address stay. */
export interface RestartableServer {
  /** Ends it at once, as `kill -9` does. */
  kill(): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Starts it after `kill` or `stop`. */
  start(): Promise<void>;
}

/** Resolves when the server is ready. @throws what `waitUntilReady` does. */
export async function startServer(spec: ProcessSpec, guard: Guard): Promise<RestartableServer> {
  const boot = async (): Promise<RunningProcess> => {
    const started = await startProcess(spec, guard);
    await waitUntilReady(spec, started);
    return started;
  };
  let running = await boot();
  return {
    async kill() {
      process.kill(running.pid, "SIGKILL");
      await running.exited;
    },
    async stop() {
      await running.stop();
    },
    async start() {
      running = await boot();
    },
  };
}
