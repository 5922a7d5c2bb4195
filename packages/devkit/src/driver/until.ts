const pollEveryMs = 50;

/**
 * Waits until `probe` gives something truthy and resolves with it; a throwing probe counts as not yet.
 * @throws after `timeoutMs`, naming what was waited for and the last thing seen.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs = 15_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const giveUpAt = performance.now() + timeoutMs;
  for (let last: unknown; ; ) {
    try {
      const value = await probe();
      if (value) return value as NonNullable<Exclude<T, false>>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > giveUpAt) {
      throw new Error(`waited ${timeoutMs} ms in vain until ${what}; last: ${String(last)}`, { cause: last });
    }
    await new Promise((done) => setTimeout(done, pollEveryMs));
  }
}
