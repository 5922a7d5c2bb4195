/**
 * One round at a time serves everybody who asked before it began, with all that they asked for: whoever comes during a
 * round is served by the next. A round that fails fails those that it served.
 */
export function createSharedRound<Item>(
  run: (items: ReadonlySet<Item>) => Promise<void>,
): (items: Iterable<Item>) => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: { items: Set<Item>; served: Promise<void> } | null = null;

  function begin(): { items: Set<Item>; served: Promise<void> } {
    const items = new Set<Item>();
    const served = running
      .catch(() => {})
      .then(() => {
        next = null;
        running = run(items);
        return running;
      });
    return { items, served };
  }

  return (items) => {
    next ??= begin();
    for (const item of items) next.items.add(item);
    return next.served;
  };
}
