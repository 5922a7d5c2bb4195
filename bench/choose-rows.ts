import type { RowPlan } from "./rows.ts";

interface Choice {
  names: readonly string[];
  quick: boolean;
  huge: boolean;
}

/** The rows to run, each after the one that it builds on. @throws for an unknown name. */
export function chooseRows(rows: readonly RowPlan[], { names, quick, huge }: Choice): RowPlan[] {
  const unknown = names.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) {
    throw new Error(`no row "${unknown.join('", "')}"; there are ${rows.map(({ name }) => name).join(", ")}`);
  }
  const isWanted = ({ name, isHuge, quickSeconds }: RowPlan) =>
    names.length > 0 ? names.includes(name) : (huge || !isHuge) && (!quick || quickSeconds !== null);
  const needed = new Set(rows.filter(isWanted).map(({ halfOf }) => halfOf));
  return rows.filter((row) => isWanted(row) || needed.has(row.name));
}
