import type { StripeHint } from "@driftlock/contracts";
import type { Random } from "@driftlock/runtime";

/** One in so many comes once more. */
const repeatedEvery = 3;

/** The events in any order, some of them twice. */
export function shuffleEvents(hints: readonly StripeHint[], random: Random): StripeHint[] {
  const shuffled = hints.flatMap((hint) => (random.below(repeatedEvery) === 0 ? [hint, hint] : [hint]));
  for (let left = shuffled.length - 1; left > 0; left--) {
    const other = random.below(left + 1);
    const [a, b] = [shuffled[left], shuffled[other]];
    if (a !== undefined && b !== undefined) [shuffled[left], shuffled[other]] = [b, a];
  }
  return shuffled;
}
