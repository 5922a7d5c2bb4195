import { z } from "zod";
import { AccountChoice } from "./account-choice.ts";

export const spendCapMinorMax = 999_999_999_999;
const AmountMinor = z.number().int().min(0).max(spendCapMinorMax).nullable();

/** What the customer is willing to pay past the included quantities, for each period and billed metric; null: no cap. */
export const SpendCapBody = z.strictObject({ ...AccountChoice.shape, amountMinor: AmountMinor });
export type SpendCapBody = z.infer<typeof SpendCapBody>;

export const SpendCapDto = z
  .object({ amountMinor: AmountMinor, currency: z.string() })
  .meta({ id: "SpendCap" });
export type SpendCapDto = z.infer<typeof SpendCapDto>;
