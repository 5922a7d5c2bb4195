import { z } from "zod";
import { MetricName } from "../ids.ts";
import { AccountChoice } from "./account-choice.ts";

export const exportFormats = ["csv", "ndjson"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** The account's records of `[from, to)` by their timestamp, by default the last 30 days; of one metric or of all. */
export const UsageExportQuery = z.object({
  ...AccountChoice.shape,
  metric: MetricName.optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  format: z.enum(exportFormats).default("csv"),
});
export type UsageExportQuery = z.infer<typeof UsageExportQuery>;

/** One line of an NDJSON export; the columns of a CSV export are the same, in this order, `properties` as JSON. */
export const UsageRecordDto = z
  .object({
    id: z.string(),
    metric: z.string(),
    quantity: z.number().int(),
    timestamp: z.iso.datetime(),
    receivedAt: z.iso.datetime(),
    properties: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).nullable(),
  })
  .meta({ id: "UsageRecord" });
export type UsageRecordDto = z.infer<typeof UsageRecordDto>;
