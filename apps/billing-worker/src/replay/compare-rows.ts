/** A row of the installation or of a replay: what is compared. */
export interface ComparedRow {
  kind: string;
  id: string;
  accountId: string;
  fields: Readonly<Record<string, unknown>>;
}

export interface Difference {
  kind: string;
  id: string;
  accountId: string;
  /** In words. */
  what: string;
}

export interface Comparison {
  /** Rows that agree, by kind. */
  agreed: Record<string, number>;
  differences: Difference[];
}

interface Known {
  /** Whether a row that the replay has not made is one too many; otherwise nothing can be said of it. */
  isExpected(row: ComparedRow): boolean;
  /** What could not be applied, by object. */
  failures: ReadonlyMap<string, string>;
}

/** Compares what the installation has with what a replay made, field by field. */
export function compareRows(
  ours: readonly ComparedRow[],
  replayed: readonly ComparedRow[],
  { isExpected, failures }: Known,
): Comparison {
  const keyOf = ({ kind, id }: ComparedRow) => `${kind} ${id}`;
  const theirs = new Map(replayed.map((row) => [keyOf(row), row]));
  const known = new Set(ours.map(keyOf));
  const agreed: Record<string, number> = {};
  const differences: Difference[] = [];
  const tell = ({ kind, id, accountId }: ComparedRow, what: string) =>
    void differences.push({ kind, id, accountId, what });
  for (const row of ours) {
    const replayedRow = theirs.get(keyOf(row));
    const failure = failures.get(row.id);
    if (failure !== undefined) tell(row, `it cannot be applied any more: ${failure}`);
    else if (replayedRow === undefined) {
      if (isExpected(row)) tell(row, "it is here, and no event leads to it");
    } else {
      const found = differentFields(row.fields, replayedRow.fields);
      if (found.length > 0) tell(row, found.join("; "));
      else agreed[row.kind] = (agreed[row.kind] ?? 0) + 1;
    }
  }
  for (const row of replayed) if (!known.has(keyOf(row))) tell(row, "it is missing here");
  return { agreed, differences };
}

const differentFields = (ours: ComparedRow["fields"], replayed: ComparedRow["fields"]): string[] =>
  Object.keys({ ...ours, ...replayed })
    .toSorted()
    .filter((field) => told(ours[field]) !== told(replayed[field]))
    .map((field) => `${field} is ${told(ours[field])}, by the events ${told(replayed[field])}`);

const told = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value ?? null));
