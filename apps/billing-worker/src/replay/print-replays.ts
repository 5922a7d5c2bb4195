import type { RecordedHistory } from "./choose-history.ts";
import type { Comparison, Difference } from "./compare-rows.ts";
import type { ReplayWish } from "./replay-history.ts";

interface Told {
  history: RecordedHistory;
  wish: ReplayWish;
  comparisons: readonly Comparison[];
}

const kinds = [
  "account",
  "standing",
  "subscription",
  "invoice",
  "payment method",
  "refunded charge",
  "dispute",
];

/** The events say nothing of these, so that no replay of them can. */
const unknowable =
  "not compared, since only acts of ours make it: usage and what it was billed, periods and their resets, tries and last\nsteps of dunning, adopted cards, double checkouts, notices";

/** A line for each kind of rows, each difference once with the replays that have it, and a sum of them. */
export function printReplays({ history, wish, comparisons }: Told): string {
  const { accountIds, hints, isWhole } = history;
  const how = wish.seed === null ? "in their order" : `shuffled, seed ${wish.seed}`;
  const diverged = comparisons.filter(({ differences }) => differences.length > 0).length;
  const lines = [
    `${accountIds.join(", ")}: ${hints.length} events${isWhole ? "" : " of the file"}, ${how}`,
    "",
    `${"".padEnd(16)}${"agree".padStart(8)}${"differ".padStart(8)}`,
    ...kinds.flatMap((kind) => lineOf(kind, comparisons)),
    ...differenceLines(comparisons),
    "",
    ...(isWhole ? [] : ["the file may be a part: plan and payment state were not compared"]),
    unknowable,
    "",
    `${comparisons.length} replays, ${diverged} diverged`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The fewest rows that agreed in a replay, and the most that differed. */
function lineOf(kind: string, comparisons: readonly Comparison[]): string[] {
  const agreed = Math.min(...comparisons.map((each) => each.agreed[kind] ?? 0));
  const differ = Math.max(
    ...comparisons.map(({ differences }) => differences.filter((each) => each.kind === kind).length),
  );
  return agreed + differ === 0
    ? []
    : [`${kind.padEnd(16)}${String(agreed).padStart(8)}${String(differ).padStart(8)}`];
}

function differenceLines(comparisons: readonly Comparison[]): string[] {
  const told = ({ kind, id, what }: Difference) => `${kind} ${id}: ${what}`;
  const found = Map.groupBy(
    comparisons.flatMap(({ differences }, run) => differences.map((each) => ({ run, line: told(each) }))),
    ({ line }) => line,
  );
  if (found.size === 0) return [];
  return [
    "",
    ...[...found].map(([line, runs]) =>
      runs.length === comparisons.length
        ? line
        : `${line} (replays ${runs.map(({ run }) => run + 1).join(", ")})`,
    ),
  ];
}
