/**
 * One round at a time serves everybody who asked before it began: whoever comes during a round is served by the next.
 * A round that fails fails those that it served.
 */
export function createSharedRound(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  return () => {
    next ??= running
      .catch(() => {})
      .then(() => {
        next = null;
        running = run();
        return running;
      });
    return next;
  };
}
