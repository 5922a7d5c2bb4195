import type { CatalogStep, StepAction } from "./catalog-step.ts";

const signs: Readonly<Record<StepAction, string>> = {
  create: "+",
  change: "~",
  unchanged: "=",
  archive: "-",
};

/** A line for each object, `+ create`, `~ change`, `= unchanged`, `- archive`, and a sum of them. */
export function printSteps(steps: readonly CatalogStep[]): string {
  const widthOf = (texts: readonly string[]) => Math.max(0, ...texts.map(({ length }) => length));
  const kindWidth = widthOf(steps.map(({ kind }) => kind));
  const keyWidth = widthOf(steps.map(({ key }) => key));
  const lines = steps.map(({ action, kind, key, detail }) =>
    `${signs[action]} ${kind.padEnd(kindWidth)}  ${key.padEnd(keyWidth)}  ${detail.join("; ")}`.trimEnd(),
  );
  return `${[...lines, "", sumUp(steps)].join("\n")}\n`;
}

export const hasDrift = (steps: readonly CatalogStep[]): boolean =>
  steps.some(({ action }) => action !== "unchanged");

function sumUp(steps: readonly CatalogStep[]): string {
  const count = (action: StepAction) => steps.filter((step) => step.action === action).length;
  return `${count("create")} to create, ${count("change")} to change, ${count("archive")} to archive, ${count("unchanged")} unchanged`;
}
