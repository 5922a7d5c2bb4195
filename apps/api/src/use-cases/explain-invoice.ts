import {
  AppError,
  type ExplainedChargeDto,
  type ExplainedEventDto,
  type ExplainedInvoiceDto,
  type ExplainedLineDto,
  type ExplainedSegmentDto,
  type ExplainPageQuery,
  type Page,
  toPeriodDto,
  type UsageReportDto,
} from "@driftlock/contracts";
import {
  catalog,
  type Db,
  type InvoiceLine,
  type InvoiceRow,
  invoices,
  usageDigests,
  usageExplanations,
  usageReadings,
  usageIndexes,
  usageRecordPages,
} from "@driftlock/db";
import { explainCharge, segmentAt, segmentsOfLine } from "@driftlock/domain";
import { z } from "zod";
import { readKeyCursor, toKeyCursor } from "../key-cursor.ts";
import { toExplainedAdjustment } from "./explained-adjustment.ts";
import { toDigestDto } from "./usage-digest-dto.ts";

/** Records that one look goes through, and looks for one page: an account may have millions beside the period. */
const scanRecords = 2_000;
const scansMax = 5;

const ReportKey = z.tuple([z.number().int(), z.number().int(), z.string()]);

type MeteredLine = InvoiceLine & { metric: string };
type Plans = Awaited<ReturnType<typeof catalog.listPlans>>;

/** From an account's invoice back to what it bills, all of it from our own rows. */
export function createExplainInvoice({ db }: { db: Db }) {
  /**
   * Every metered line with its arithmetic, the parts of the account's time that it bills, and their digests.
   * @throws INVOICE_NOT_FOUND, for another account's too.
   */
  const explainInvoice = async (accountId: string, invoiceId: string): Promise<ExplainedInvoiceDto> => {
    const invoice = await requireInvoice(accountId, invoiceId);
    const plans = await catalog.listPlans(db);
    const lines: ExplainedLineDto[] = [];
    for (const parts of meteredLines(invoice)) lines.push(await explainLine(invoice, parts, plans));
    return { invoiceId, accountId, status: invoice.status, currency: invoice.currency, lines };
  };

  /**
   * The ids behind the lines of a metric, in the order of their bytes. A page may hold fewer than `limit` and still have
   * a next one. @throws INVOICE_NOT_FOUND, UNKNOWN_METRIC, USAGE_NOT_KEPT, INVALID.
   */
  const listInvoiceEvents = async (
    accountId: string,
    invoiceId: string,
    { metric, limit, cursor }: ExplainPageQuery,
  ): Promise<Page<ExplainedEventDto>> => {
    const after = readKeyCursor(cursor, z.string());
    const segments = await requireSegments(await requireInvoice(accountId, invoiceId), metric);
    const [from, to] = await requireKept(segments);
    await usageIndexes.askForIndexes(db);
    const last = await usageRecordPages.findLastId(db, accountId);
    const data: ExplainedEventDto[] = [];
    let afterId: string | null = after;
    for (let scans = 0; last !== null && scans < scansMax; scans += 1) {
      const page = await usageRecordPages.listPage(
        db,
        { accountId, metric, from, to },
        { afterId, throughId: last.id, scanMax: scanRecords },
      );
      if (page.lastId === null) return { data, nextCursor: null };
      for (const { id, quantity, occurredAt, receivedAt } of page.rows) {
        const segment = segmentAt(segments, occurredAt);
        if (segment === undefined) continue;
        if (data.length === limit) return { data, nextCursor: toKeyCursor(data.at(-1)?.id) };
        data.push({
          id,
          quantity,
          timestamp: occurredAt.toISOString(),
          receivedAt: receivedAt.toISOString(),
          isLate: segment.closedAt !== null && receivedAt > segment.closedAt,
        });
      }
      afterId = page.lastId;
    }
    return { data, nextCursor: afterId === null || afterId === last?.id ? null : toKeyCursor(afterId) };
  };

  /** The windows that went to Stripe for a metric's lines. @throws INVOICE_NOT_FOUND, UNKNOWN_METRIC, INVALID. */
  const listInvoiceReports = async (
    accountId: string,
    invoiceId: string,
    { metric, limit, cursor }: ExplainPageQuery,
  ): Promise<Page<UsageReportDto>> => {
    const key = readKeyCursor(cursor, ReportKey);
    const segments = await requireSegments(await requireInvoice(accountId, invoiceId), metric);
    const rows = await usageExplanations.listReports(
      db,
      { accountId, metric, periodStarts: segments.map(({ periodStart }) => periodStart) },
      {
        after: key && { periodStart: new Date(key[0]), windowNo: key[1], identifier: key[2] },
        limit: limit + 1,
      },
    );
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const hasMore = rows.length > limit && last !== undefined;
    return {
      data: shown.map(toReportDto),
      nextCursor: hasMore ? toKeyCursor([last.periodStart.getTime(), last.windowNo, last.identifier]) : null,
    };
  };

  async function requireInvoice(accountId: string, invoiceId: string): Promise<InvoiceRow> {
    const invoice = await invoices.findInvoice(db, invoiceId);
    if (invoice === null || invoice.accountId !== accountId)
      throw new AppError("INVOICE_NOT_FOUND", `There is no invoice "${invoiceId}".`);
    return invoice;
  }

  async function explainLine(
    invoice: InvoiceRow,
    parts: readonly [MeteredLine, ...MeteredLine[]],
    plans: Plans,
  ): Promise<ExplainedLineDto> {
    const [line] = parts;
    const { metric } = line;
    const segments = await segmentsOf(invoice, line);
    const periodStarts = segments.map(({ periodStart }) => periodStart);
    const of = { accountId: invoice.accountId, metric, periodStarts };
    const digests = await usageDigests.listLatestDigests(db, of);
    const adjustments = await usageExplanations.listAdjustments(db, of);
    return {
      metric,
      ...summed(parts),
      period: { start: line.periodStart, end: line.periodEnd },
      parts: parts.map(({ lineId, description, quantity, amountMinor }) => ({
        lineId,
        description,
        quantity,
        amountMinor,
      })),
      charge: chargeOf(line.stripePriceId, summed(parts), plans),
      segments: segments.map((segment): ExplainedSegmentDto => {
        const digest = digests.find((each) => each.periodStart.getTime() === segment.periodStart.getTime());
        return {
          period: toPeriodDto({ start: segment.periodStart, end: segment.periodEnd }),
          planId: segment.planId,
          planVersion: segment.planVersion,
          closedAt: segment.closedAt?.toISOString() ?? null,
          total: { quantity: segment.totalQuantity, eventCount: segment.eventCount },
          reported: { quantity: segment.reportedQuantity, windows: segment.reportCount },
          adjustments: adjustments
            .filter((each) => each.periodStart.getTime() === segment.periodStart.getTime())
            .map(toExplainedAdjustment),
          digest: digest === undefined ? null : toDigestDto(digest),
        };
      }),
    };
  }

  const segmentsOf = async ({ accountId, stripeSubscriptionId }: InvoiceRow, line: MeteredLine) => {
    const [from, until] = [new Date(line.periodStart), new Date(line.periodEnd)];
    const found = await usageExplanations.listSegments(db, { accountId, metric: line.metric, from, until });
    return segmentsOfLine(found, { stripeSubscriptionId, start: from, end: until });
  };

  async function requireSegments(invoice: InvoiceRow, metric: string) {
    const lines = meteredLines(invoice).flatMap(([line]) => (line.metric === metric ? [line] : []));
    if (lines.length === 0)
      throw new AppError("UNKNOWN_METRIC", `The invoice "${invoice.invoiceId}" bills no "${metric}".`);
    const found = await Promise.all(lines.map((line) => segmentsOf(invoice, line)));
    return found.flat();
  }

  /** The span of all segments. What was removed would read as no usage. */
  async function requireKept(segments: readonly { periodStart: Date; periodEnd: Date }[]) {
    const from = new Date(Math.min(...segments.map(({ periodStart }) => periodStart.getTime())));
    const to = new Date(Math.max(...segments.map(({ periodEnd }) => periodEnd.getTime())));
    const keptSince = await usageReadings.findRecordsKeptSince(db);
    if (keptSince !== null && from < keptSince) {
      throw new AppError(
        "USAGE_NOT_KEPT",
        `Records are kept since ${keptSince.toISOString()}, and this usage is older; its totals and digests stay.`,
        { extensions: { keptSince: keptSince.toISOString() } },
      );
    }
    return [from, to] as const;
  }

  return { explainInvoice, listInvoiceEvents, listInvoiceReports };
}

/** The metered lines; those of one price and period are the tiers of one charge. */
function meteredLines({ lines }: InvoiceRow): [MeteredLine, ...MeteredLine[]][] {
  const metered = lines.filter((line): line is MeteredLine => line.metric !== null);
  const groups = Map.groupBy(metered, (line) =>
    [line.metric, line.stripePriceId, line.periodStart, line.periodEnd].join(" "),
  );
  return [...groups.values()] as [MeteredLine, ...MeteredLine[]][];
}

const summed = (parts: readonly MeteredLine[]) => ({
  quantity: parts.reduce((sum, { quantity }) => sum + (quantity ?? 0), 0),
  amountMinor: parts.reduce((sum, part) => sum + part.amountMinor, 0),
});

/** By the price that the lines themselves name: a subscription keeps the version it was sold. */
function chargeOf(
  priceId: string | null,
  billed: { quantity: number; amountMinor: number },
  plans: Plans,
): ExplainedChargeDto | null {
  const limit = plans
    .flatMap((plan) => plan.limits)
    .find(({ stripePriceId }) => stripePriceId !== null && stripePriceId === priceId);
  const [includedQuantity, amountMinor, perUnits] = [
    limit?.includedQuantity ?? null,
    limit?.overageAmountMinor ?? null,
    limit?.overagePerUnits ?? null,
  ];
  if (includedQuantity === null || amountMinor === null || perUnits === null) return null;
  const charge = explainCharge(billed.quantity, { includedQuantity, amountMinor, perUnits });
  return { includedQuantity, ...charge, isAsInvoiced: charge.amountMinor === billed.amountMinor };
}

const toReportDto = (row: usageExplanations.ExplainedReportRow): UsageReportDto => ({
  identifier: row.identifier,
  periodStart: row.periodStart.toISOString(),
  fromQuantity: row.fromQuantity,
  toQuantity: row.toQuantity,
  state: row.state,
  eventAt: row.eventAt.toISOString(),
  frozenAt: row.createdAt.toISOString(),
  sentAt: row.sentAt?.toISOString() ?? null,
});
