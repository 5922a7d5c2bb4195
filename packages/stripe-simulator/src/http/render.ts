/** A stored object as Stripe would show it: without the keys that start with `_`, at any depth. */
export function render(value: object): Record<string, unknown> {
  return strip(value) as Record<string, unknown>;
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== "object" || value === null) return value;
  const shown = Object.entries(value).filter(([key, inner]) => !key.startsWith("_") && inner !== undefined);
  return Object.fromEntries(shown.map(([key, inner]) => [key, strip(inner)]));
}
