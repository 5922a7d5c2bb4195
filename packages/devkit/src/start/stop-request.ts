const PARENT_CHECK_MS = 300;
/** One Ctrl-C arrives several times: from the terminal, from npm, from the bootstrap. */
const SAME_CTRL_C_MS = 1_000;

export interface StopRequest {
  /** Aborted, with the reason in words, once the system shall stop. */
  signal: AbortSignal;
  /** Aborted by a second Ctrl-C: what still runs is killed. */
  hurry: AbortSignal;
  /** Resolves when `signal` is aborted. */
  requested: Promise<void>;
}

interface WatchOptions {
  parentPid: number | undefined;
  say: (text: string) => void;
}

/** Listens for everything that means stop: SIGINT, SIGTERM, SIGHUP, and the end of the parent that asked for it. */
export function watchForStop({ parentPid, say }: WatchOptions): StopRequest {
  const stop = new AbortController();
  const hurry = new AbortController();
  let requestedAtMs = 0;
  const request = (reason: string) => {
    if (stop.signal.aborted) return;
    requestedAtMs = performance.now();
    stop.abort(reason);
  };
  process.on("SIGTERM", () => request("SIGTERM"));
  process.on("SIGHUP", () => request("the terminal closed"));
  process.on("SIGINT", () => {
    if (stop.signal.aborted && performance.now() - requestedAtMs > SAME_CTRL_C_MS && !hurry.signal.aborted) {
      say("killing what still runs");
      hurry.abort();
    }
    request("Ctrl-C");
  });
  if (parentPid !== undefined) {
    setInterval(() => {
      if (process.ppid !== parentPid) request("the process that started this is gone");
    }, PARENT_CHECK_MS).unref();
  }
  const requested = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
  return { signal: stop.signal, hurry: hurry.signal, requested };
}
