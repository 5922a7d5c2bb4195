import type { Figures } from "./database.ts";
import type { Measured } from "./row-result.ts";
import type { RowPlan } from "./rows.ts";

/** What Postgres holds after a row. */
export interface Stored {
  records: Figures;
  totals: Figures;
  minutes: Figures;
  quarantined: number;
}

/** Everything that is wrong with a row's figures, in words; speed is no matter of right and wrong. */
export function checkRow(
  plan: RowPlan,
  { report, visibility, isDrained }: Measured,
  stored: Stored,
): string[] {
  const { whole, failures, retries } = report;
  const faults: string[] = [];
  const expect = (what: string, found: number, wanted: number) => {
    if (found !== wanted) faults.push(`${what}: ${found} instead of ${wanted}`);
  };
  for (const [status, { count, text }] of Object.entries(failures))
    faults.push(`${count} requests were answered ${status}, the first with ${text}`);
  expect("events rejected", whole.rejected, 0);
  expect("events in quarantine", stored.quarantined, 0);
  if (plan.load.route === "usage") {
    // A request that was sent again may have been taken in part before: then its events come back as duplicates.
    expect("accepted and duplicates", whole.accepted + whole.duplicates, whole.distinct + whole.repeats);
    if (Object.keys(retries).length === 0) expect("duplicates", whole.duplicates, whole.repeats);
  }
  if (!isDrained) faults.push("what was accepted was not in Postgres after five minutes");
  const probes = visibility?.probes ?? 0;
  const wanted = { events: whole.distinct + probes, quantity: whole.quantity + probes };
  for (const place of ["records", "totals", "minutes"] as const) {
    expect(`events in ${place}`, stored[place].events, wanted.events);
    expect(`quantity in ${place}`, stored[place].quantity, wanted.quantity);
  }
  return faults;
}
