import type { Rows } from "./read-rows.ts";
import type { StripeFacts } from "./read-stripe.ts";

interface Notice {
  type: string;
  subject: string;
  /** Of a reset: what begins. */
  periodStart: string;
}

/** One notice for each settled step: none twice, none missing, none that contradicts another. */
export function judgeNotices(rows: Rows, facts: StripeFacts): string[] {
  const notices = rows.notices.map(
    (row): Notice => ({
      type: String(row["type"]),
      subject: String(row["subject"]),
      periodStart: (row["data"] as { period?: { start: string } }).period?.start ?? "",
    }),
  );
  return [
    ...facts.invoices.flatMap((invoice) => {
      // Money that went back is told of the charge, whenever that was.
      const told = notices
        .filter(({ subject, type }) => subject === invoice.id && !type.startsWith("charge."))
        .map(({ type }) => type);
      const paid = told.filter((type) => type === "invoice.paid").length;
      const wanted = invoice.status === "paid" && invoice.total > 0 ? 1 : 0;
      const after = told.slice(told.indexOf("invoice.paid") + 1);
      return [
        ...(paid === wanted
          ? []
          : [`notices: ${invoice.id} is ${invoice.status}, told as paid ${paid} times`]),
        ...(paid > 0 && after.length > 0
          ? [`notices: ${invoice.id} was told as paid, then ${after.join(", ")}`]
          : []),
        ...(told.filter((type) => type === "invoice.uncollectible").length > 1
          ? [`notices: ${invoice.id} was given up twice`]
          : []),
      ];
    }),
    ...facts.subscriptions.flatMap(({ id, status }) => {
      const told = notices.filter(({ subject, type }) => subject === id && type !== "checkout.refunded");
      return storyFaults(
        told.map(({ type }) => type),
        { id, isOver: status === "canceled" },
      );
    }),
    ...repeated(
      notices.filter(({ type }) => type === "period.reset").map(({ periodStart }) => periodStart),
    ).map((start) => `notices: the period from ${start} was begun twice`),
  ];
}

/** What may be told of a subscription, and after what. */
function storyFaults(told: readonly string[], { id, isOver }: { id: string; isOver: boolean }): string[] {
  const faults: string[] = [];
  const count = (type: string) => told.filter((each) => each === type).length;
  if (count("subscription.started") > 1) faults.push("started twice");
  if (count("subscription.ended") > 1) faults.push("ended twice");
  if (count("subscription.ended") === 1 && !isOver) faults.push("ended while it goes on");
  if (count("subscription.started") === 1 && isOver && count("subscription.ended") === 0)
    faults.push("its end is not told");
  const ends = told.filter(
    (type) => type === "subscription.cancel_scheduled" || type === "subscription.resumed",
  );
  if (ends.some((type, index) => type === (ends[index - 1] ?? "subscription.resumed")))
    faults.push(`told in turn: ${ends.join(", ")}`);
  return faults.map((fault) => `notices: ${id} ${fault}`);
}

const repeated = (keys: readonly string[]): string[] =>
  keys.filter((key, index) => keys.indexOf(key) !== index);
