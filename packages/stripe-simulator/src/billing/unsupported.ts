import { invalidRequest } from "../errors.ts";

/** Refuses parameters that the simulator would otherwise ignore: better no answer than one with the wrong money. */
export function refuseUnsupported(params: object, names: readonly string[]): void {
  const given = Object.entries(params).find(([name, value]) => names.includes(name) && !isEmpty(value));
  if (given === undefined) return;
  throw invalidRequest(`The simulator does not support \`${given[0]}\`.`, { param: given[0] });
}

const isEmpty = (value: unknown): boolean =>
  value === "" || value === null || value === undefined || (Array.isArray(value) && value.length === 0);

/** Parameters of a subscription, on creation or update, that change what it costs and are not simulated. */
export const UNSUPPORTED_SUBSCRIPTION_PARAMS = [
  "add_invoice_items",
  "application_fee_percent",
  "backdate_start_date",
  "billing_cycle_anchor_config",
  "billing_schedules",
  "billing_thresholds",
  "default_source",
  "default_tax_rates",
  "discounts",
  "pending_invoice_item_interval",
  "transfer_data",
] as const;

/** Parameters of an invoice that change what it costs and are not simulated. */
export const UNSUPPORTED_INVOICE_PARAMS = [
  "application_fee_amount",
  "default_source",
  "default_tax_rates",
  "discounts",
  "from_invoice",
  "shipping_cost",
  "transfer_data",
] as const;
