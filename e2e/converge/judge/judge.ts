import { applyStripeEvent, syncStripeObject } from "@driftlock/contracts";
import { defaultAccessPolicy } from "@driftlock/domain";
import { createGetSubscription } from "../../../apps/api/src/use-cases/get-subscription.ts";
import type { Place } from "../place.ts";
import type { Judged } from "../resident.ts";
import { judgeLines } from "./judge-lines.ts";
import { judgeMirror } from "./judge-mirror.ts";
import { judgeMoney } from "./judge-money.ts";
import { judgeNotices } from "./judge-notices.ts";
import { judgePayment } from "./judge-payment.ts";
import { judgePeriods, judgePlan, type Told } from "./judge-plan.ts";
import { readRows, type Rows } from "./read-rows.ts";
import { readStripe } from "./read-stripe.ts";

/**
 * Compares all that we have with what a fresh read of Stripe says, by rules of its own: nothing of the code that made
 * the rows is asked what they should be. @returns the differences of each life.
 */
export async function judge(place: Place, lives: readonly Judged[]): Promise<string[][]> {
  const facts = await readStripe(place.stripe, lives);
  const rows = await readRows(
    place.db,
    lives.map(({ accountId }) => accountId),
  );
  const now = place.time.clock.now();
  const getSubscription = createGetSubscription({
    db: place.db,
    clock: place.time.clock,
    accessPolicy: defaultAccessPolicy,
  });
  return Promise.all(
    lives.map(async (life, index) => {
      const own = rows.get(life.accountId);
      const said = facts[index];
      if (own === undefined || said === undefined) return ["nothing was read"];
      const { period, ...told } = await getSubscription(life.accountId);
      const all: Told = { ...told, periodStart: new Date(period.start), periodEnd: new Date(period.end) };
      return [
        ...life.failed.filter(isNotDueAgain).map((job) => `a job failed for good: ${job}`),
        ...judgeMirror(own, said),
        ...judgeLines(own, said),
        ...judgePlan(all, said),
        ...judgePayment(own, all, said),
        ...judgePeriods(own, { now, told: all }),
        ...judgeNotices(own, said),
        ...judgeMoney(own, said),
        ...judgeLooseEnds(own, now),
      ];
    }),
  );
}

/** What stands in a row until it is done is tried again by the row; of these jobs the queue alone knows. */
const isNotDueAgain = (job: string): boolean =>
  [applyStripeEvent, syncStripeObject].some(({ name }) => job.startsWith(name));

/** Nothing that is due is left. */
function judgeLooseEnds({ objects, closes, cases, newCards, account }: Rows, now: Date): string[] {
  const isDue = (at: unknown) => at instanceof Date && at <= now;
  return [
    ...objects.map((row) => `loose end: ${String(row["object_id"])} is dirty (${String(row["failure"])})`),
    ...closes
      .filter((row) => row["closed_at"] === null)
      .map(
        (row) => `loose end: a close of ${String(row["stripe_subscription_id"])} is ${String(row["state"])}`,
      ),
    ...cases
      .filter((row) => row["settled_at"] === null && isDue(row["next_step_at"]))
      .map((row) => `loose end: the case of ${String(row["invoice_id"])} is due`),
    ...newCards.map((row) => `loose end: the card ${String(row["payment_method_id"])} is not adopted`),
    ...(Number(account["limits_pushed_version"]) < Number(account["limits_version"])
      ? ["loose end: the limits are not pushed"]
      : []),
  ];
}
