import type { SimContext } from "../context.ts";
import type { ObjectOf } from "../objects.ts";

type Changing = "customer" | "invoice" | "subscription" | "subscription_schedule" | "billing.meter";

/**
 * Puts changed top-level fields and emits `eventType` with the values they had before. Where nothing differs, nothing
 * is written and nothing is emitted.
 */
export function recordChange<K extends Changing>(
  ctx: SimContext,
  type: K,
  id: string,
  change: Partial<ObjectOf<K>>,
  eventType: string,
): ObjectOf<K> {
  const before = ctx.store.getOrThrow(type, id) as ObjectOf<K> & Record<string, unknown>;
  const changed = Object.entries(change).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key]),
  );
  if (changed.length === 0) return before;
  const after = ctx.store.update(type, id, Object.fromEntries(changed) as Partial<ObjectOf<K>>);
  const visible = changed.filter(([key]) => !key.startsWith("_"));
  if (visible.length > 0) {
    ctx.emit(eventType, after, Object.fromEntries(visible.map(([key]) => [key, before[key] ?? null])));
  }
  return after;
}

/** Applies a metadata parameter the way Stripe does: keys merge, an empty value unsets one, `""` unsets all. */
export function mergeMetadata(
  current: Record<string, string> | null,
  change: { [key: string]: string | number | null } | "" | null | undefined,
): Record<string, string> {
  if (change === undefined || change === null) return { ...current };
  if (change === "") return {};
  const merged = { ...current, ...change };
  return Object.fromEntries(
    Object.entries(merged).flatMap(([key, value]) =>
      value === "" || value === null ? [] : [[key, String(value)]],
    ),
  );
}
