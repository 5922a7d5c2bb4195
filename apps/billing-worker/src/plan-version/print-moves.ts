import type { catalog } from "@driftlock/db";
import { differences } from "../catalog/catalog-step.ts";
import type { MoveAction, PlannedMove } from "./plan-moves.ts";

const signs: Readonly<Record<MoveAction, string>> = {
  move: "+",
  stands: ".",
  planned: "=",
  moved: "=",
  elsewhere: "!",
};

/** Of each kind; all are in the JSON. */
const linesMax = 100;

/** A line for each account, `+` moves, `.` keeps its version for now, `=` is as wanted, `!` has none; and a sum of them. */
export function printMoves(moves: readonly PlannedMove[]): string {
  const width = Math.max(0, ...moves.map(({ accountId }) => accountId.length));
  const lines = (Object.keys(signs) as MoveAction[]).flatMap((action) => {
    const ofAction = moves.filter((move) => move.action === action);
    const shown = ofAction
      .slice(0, linesMax)
      .map(({ accountId, detail }) => `${signs[action]} ${accountId.padEnd(width)}  ${detail}`);
    const left = ofAction.length - shown.length;
    return left === 0 ? shown : [...shown, `${signs[action]} … and ${left} more: --json lists them`];
  });
  const count = (action: MoveAction) => moves.filter((move) => move.action === action).length;
  const sum = `${count("move")} to move, ${count("stands")} that keep it for now, ${count("planned")} planned, ${count("moved")} moved`;
  return `${[...lines, "", sum].join("\n")}\n`;
}

/** What differs between two versions of a plan, in words. */
export function versionDifferences(before: catalog.PlanRow, after: catalog.PlanRow): string[] {
  const metrics = [...new Set([...before.limits, ...after.limits].map(({ metric }) => metric))];
  return differences({
    price: [before.priceAmountMinor, after.priceAmountMinor],
    ...Object.fromEntries(
      metrics.map((metric) => [metric, [toldLimit(before, metric), toldLimit(after, metric)]]),
    ),
    features: [before.features.map(({ name }) => name), after.features.map(({ name }) => name)],
    "retention days": [before.retentionDays, after.retentionDays],
    support: [before.support, after.support],
  });
}

function toldLimit({ limits }: catalog.PlanRow, metric: string): string {
  const limit = limits.find((each) => each.metric === metric);
  if (limit === undefined) return "not in the plan";
  const { includedQuantity, overagePolicy, overageAmountMinor, overagePerUnits } = limit;
  if (includedQuantity === null) return "unlimited";
  const beyond =
    overagePolicy === "bill" ? `then ${overageAmountMinor} for each ${overagePerUnits}` : "then refused";
  return `${includedQuantity}, ${beyond}`;
}
