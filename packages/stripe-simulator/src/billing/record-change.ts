import type { SimContext } from "../context.ts";
import type { ObjectOf, ObjectType } from "../objects.ts";

/** Stripe's name of an object's kind in its events, where that is not the object's own. */
const EVENT_PREFIX: Partial<Record<ObjectType, string>> = { subscription: "customer.subscription" };

/**
 * Puts changed top-level fields and emits the object's `….updated` with the values they had before. Where nothing
 * differs, nothing is written and nothing is emitted.
 */
export function recordChange<K extends ObjectType>(
  ctx: SimContext,
  type: K,
  id: string,
  change: Partial<ObjectOf<K>>,
): ObjectOf<K> {
  const before = ctx.store.getOrThrow(type, id) as ObjectOf<K> & Record<string, unknown>;
  const changed = Object.entries(change).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key]),
  );
  if (changed.length === 0) return before;
  const after = ctx.store.update(type, id, Object.fromEntries(changed) as Partial<ObjectOf<K>>);
  const visible = changed.filter(([key]) => !key.startsWith("_"));
  if (visible.length > 0) {
    const previous = Object.fromEntries(visible.map(([key]) => [key, before[key] ?? null]));
    ctx.emit(`${EVENT_PREFIX[type] ?? type}.updated`, after, previous);
  }
  return after;
}
