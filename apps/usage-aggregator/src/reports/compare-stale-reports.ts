import { type Db, usageReports, usageStaleReports } from "@driftlock/db";
import { decideStaleReports } from "@driftlock/domain";
import type { Clock, Logger } from "@driftlock/runtime";
import type { UsageSink } from "./usage-sink.ts";

const customersMax = 50;
const hourMs = 60 * 60 * 1000;

interface Deps {
  db: Db;
  clock: Clock;
  sink: UsageSink;
  log: Logger;
}

/**
 * Finds out what became of reports whose identifiers Stripe may have forgotten, from its own summaries (DESIGN 4.10):
 * what arrived is done, what did not is sent as if for the first time, what cannot be told stays for an operator.
 */
export async function compareStaleReports({ db, clock, sink, log }: Deps): Promise<void> {
  const now = clock.now();
  const firstSentBefore = new Date(now.getTime() - usageReports.resendHoursMax * hourMs);
  const stale = await usageStaleReports.listStaleReports(db, { firstSentBefore, limit: customersMax });
  for (const customer of stale) {
    await compareCustomer({ db, sink, log }, { customer, firstSentBefore, now }).catch((err: unknown) =>
      // Its reports stay as they are; the other customers' are none the worse for it.
      log.error({ err, customerId: customer.stripeCustomerId }, "usage.reports-not-compared"),
    );
  }
}

interface Comparison {
  customer: usageStaleReports.StaleReportsRow;
  firstSentBefore: Date;
  now: Date;
}

async function compareCustomer(
  { db, sink, log }: Pick<Deps, "db" | "sink" | "log">,
  { customer, firstSentBefore, now }: Comparison,
): Promise<void> {
  // One whose answer is still to come would be counted on one side only.
  if (customer.openCount > 0) return;
  const {
    stripeCustomerId: customerId,
    stripeMeterId: meterId,
    firstEventAt: first,
    lastEventAt: last,
  } = customer;
  const total = await sink.total({ meterId, customerId, first, last });
  const decision = decideStaleReports(customer.reports, { confirmed: customer.sentQuantity, total });
  if (decision.outcome === "mismatch") {
    log.error({ customerId, meterId, unexplained: decision.unexplained }, "usage.report-unexplained");
    return;
  }
  const identifiersOf = (reports: readonly { identifier: string }[]) =>
    reports.map(({ identifier }) => identifier);
  const [arrived, missing] = [identifiersOf(decision.arrived), identifiersOf(decision.missing)];
  await usageStaleReports.updateStaleSent(db, { identifiers: arrived, firstSentBefore, now });
  await usageStaleReports.updateStaleUnsent(db, { identifiers: missing, firstSentBefore });
  log.warn({ customerId, arrived, missing }, "usage.reports-compared");
}
