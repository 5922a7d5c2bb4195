import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RowPlan } from "./rows.ts";

interface Choice {
  names: readonly string[];
  quick: boolean;
  huge: boolean;
}

const gatewayEnv = join(import.meta.dirname, "../apps/api/src/env.ts");

/** The rows to run, each after the one that it builds on, and those that cannot be run. @throws for an unknown name. */
export function chooseRows(
  rows: readonly RowPlan[],
  { names, quick, huge }: Choice,
): { chosen: RowPlan[]; skipped: { name: string; reason: string }[] } {
  const unknown = names.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) {
    throw new Error(`no row "${unknown.join('", "')}"; there are ${rows.map(({ name }) => name).join(", ")}`);
  }
  const isWanted = ({ name, isHuge, quickSeconds }: RowPlan) =>
    names.length > 0 ? names.includes(name) : (huge || !isHuge) && (!quick || quickSeconds !== null);
  const wanted = rows.filter(isWanted);
  const needed = new Set(wanted.map(({ halfOf }) => halfOf));
  const all = rows.filter((row) => isWanted(row) || needed.has(row.name));
  const hasDurability = readFileSync(gatewayEnv, "utf8").includes("USAGE_DURABILITY");
  const isSkipped = ({ durability }: RowPlan) => durability !== "redis" && !hasDurability;
  return {
    chosen: all.filter((row) => !isSkipped(row)),
    skipped: all
      .filter(isSkipped)
      .map(({ name }) => ({ name, reason: "the gateway does not know USAGE_DURABILITY yet" })),
  };
}
