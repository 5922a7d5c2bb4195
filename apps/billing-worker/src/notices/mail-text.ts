import type { NoticeType } from "@driftlock/contracts";

export interface MailText {
  subject: string;
  text: string;
}

type Data = Readonly<Record<string, unknown>>;

const money = ({ amountRemainingMinor, totalMinor, currency }: Data, isPaid = false): string => {
  const minor = Number(isPaid ? totalMinor : amountRemainingMinor);
  const format = new Intl.NumberFormat("en-US", { style: "currency", currency: String(currency) });
  const { maximumFractionDigits = 2 } = format.resolvedOptions();
  return format.format(minor / 10 ** maximumFractionDigits);
};
const invoiceName = ({ number, invoiceId }: Data): string => `invoice ${String(number ?? invoiceId)}`;
const paragraphs = (...lines: readonly (string | null)[]): string =>
  lines.filter((line) => line !== null).join("\n\n");
const link = ({ hostedUrl }: Data): string | null => (typeof hostedUrl === "string" ? hostedUrl : null);

const count = (quantity: unknown): string => Number(quantity).toLocaleString("en-US");
const usageText = ({ metric, used, limit }: Data): string =>
  `Your account has used ${count(used)}${typeof limit === "number" ? ` of the ${count(limit)} included` : ""} ${String(metric)} in this period.`;

const day = (at: unknown): string =>
  new Date(String(at)).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
const priceText = ({ price }: Data): string => {
  const { amountMinor, currency, interval } = price as Record<string, string | number>;
  return `${money({ totalMinor: amountMinor, currency }, true)} a ${interval}`;
};
const limitText = ({ price, limits, overage }: Data, metric: string): string => {
  const { currency } = price as Data;
  const included = (limits as Record<string, number | null>)[metric];
  const billed = (overage as Record<string, unknown>[]).find((each) => each["metric"] === metric);
  const beyond =
    billed === undefined
      ? ""
      : `, then ${money({ totalMinor: billed["amountMinor"], currency }, true)} for each ${count(billed["perUnits"])}`;
  return included === undefined
    ? "not included"
    : included === null
      ? "unlimited"
      : `${count(included)}${beyond}`;
};
const versionLines = (before: Data, after: Data): string[] => {
  const metrics = [before, after].flatMap(({ limits }) => Object.keys(limits as object));
  return [
    ["Price", priceText(before), priceText(after)],
    ...[...new Set(metrics)].map((metric) => [metric, limitText(before, metric), limitText(after, metric)]),
  ].flatMap(([name, was, is]) => (was === is ? [] : [`${name}: ${is} (until then ${was})`]));
};

/** What a person reads of a notice; types that are not here are for machines alone. */
const texts: Partial<Record<NoticeType, (data: Data) => MailText>> = {
  "invoice.payment_failed": (data) => ({
    subject: `We could not collect ${money(data)}`,
    text: paragraphs(
      `The payment of ${invoiceName(data)} over ${money(data)} was declined. You keep your plan for now.`,
      "Another card is charged at once. You can pay here:",
      link(data),
    ),
  }),
  "invoice.payment_action_required": (data) => ({
    subject: `Please confirm a payment of ${money(data)}`,
    text: paragraphs(
      `Your bank asks you to confirm the payment of ${invoiceName(data)} over ${money(data)}. Until then it counts as unpaid.`,
      "Confirm it here:",
      link(data),
    ),
  }),
  "invoice.paid": (data) => ({
    subject: `Paid: ${money(data, true)}`,
    text: paragraphs(
      `We have received ${money(data, true)} for ${invoiceName(data)}. All is well again. Thank you.`,
    ),
  }),
  "invoice.uncollectible": (data) => ({
    subject: `We have stopped collecting ${money(data)}`,
    text: paragraphs(
      `${invoiceName(data)} over ${money(data)} was not paid, and we no longer try. Your plan has ended or is paused.`,
      "You can still pay here:",
      link(data),
    ),
  }),
  "payment_method.expiring": ({ brand, last4, expMonth, expYear }) => ({
    subject: `Your card ending in ${String(last4)} expires`,
    text: paragraphs(
      `Your ${String(brand)} card ending in ${String(last4)} expires at the end of ${String(expMonth).padStart(2, "0")}/${String(expYear)}, and it is what your invoices are paid with.`,
      "Please put another card on file before then.",
    ),
  }),
  "subscription.ended": ({ planId }) => ({
    subject: "Your subscription has ended",
    text: paragraphs(`Your plan "${String(planId)}" has ended. Your account goes on with the Free plan.`),
  }),
  "plan.version_changing": ({ effectiveAt, before, after }) => ({
    subject: `Your plan ${String((after as Data)["name"])} changes on ${day(effectiveAt)}`,
    text: paragraphs(
      `From ${day(effectiveAt)} on your plan is a new version of ${String((after as Data)["name"])}. What differs:`,
      versionLines(before as Data, after as Data).join("\n"),
    ),
  }),
  "usage.threshold_reached": (data) => ({
    subject: `Your usage of ${String(data["metric"])} has reached ${count(data["used"])}`,
    text: paragraphs(usageText(data), "This is one of your account's usage alerts."),
  }),
  "quota.exhausted": (data) => ({
    subject: `Your ${String(data["metric"])} are used up`,
    text: paragraphs(
      usageText(data),
      "What is more than that is refused until the next period, or a larger plan.",
    ),
  }),
};

/** The types that are mailed. */
export const mailedTypes = Object.keys(texts) as NoticeType[];

/** The mail of a notice; null for a type that is not mailed. */
export const mailText = (type: NoticeType, data: Data): MailText | null => texts[type]?.(data) ?? null;
