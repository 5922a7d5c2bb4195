export type StepAction = "create" | "change" | "unchanged" | "archive";

/** One object of the catalogue, and what has to happen to it: at Stripe, or in Postgres (`metric`, `plan`). */
export interface CatalogStep {
  readonly action: StepAction;
  readonly kind: "account" | "metric" | "meter" | "product" | "price" | "plan" | "portal" | "webhooks";
  /** The name by which it is found again. */
  readonly key: string;
  /** What differs, or why, in words. */
  readonly detail: readonly string[];
  /** Does it. May be repeated, and repeats nothing that was done; `unchanged` does nothing. */
  apply(): Promise<unknown>;
}

/** What is there cannot become what is wanted, or is not ours to change: told all at once, and nothing is done. */
export class CatalogConflict extends Error {
  override readonly name = "CatalogConflict";
  readonly conflicts: readonly string[];

  constructor(conflicts: readonly string[]) {
    super(conflicts.join("\n"));
    this.conflicts = conflicts;
  }
}

/** Marks what we made in Stripe; what does not carry it, or a lookup key or id of ours, is somebody else's. */
export const ownMetadata = { managed_by: "driftlock" } as const;

/** What a step shows of fields that differ; empty where none does. */
export const differences = (
  fields: Readonly<Record<string, readonly [found: unknown, wanted: unknown]>>,
): string[] =>
  Object.entries(fields)
    .filter(([, [found, wanted]]) => JSON.stringify(found) !== JSON.stringify(wanted))
    .map(([name, [found, wanted]]) => `${name} ${JSON.stringify(found)} -> ${JSON.stringify(wanted)}`);

/** The part of an object's metadata that we set. */
export const pick = (metadata: Readonly<Record<string, string>>, keys: object): Record<string, string> =>
  Object.fromEntries(
    Object.keys(keys).flatMap((key) => (key in metadata ? [[key, metadata[key] ?? ""]] : [])),
  );

/** Brings everything to where it should be, in order: what a step needs was made by one before it. */
export async function applySteps(steps: readonly CatalogStep[]): Promise<void> {
  for (const step of steps) await step.apply();
}
