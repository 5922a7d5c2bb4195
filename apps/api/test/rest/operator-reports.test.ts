import { sql } from "@driftlock/db";
import { expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();
const rows = <Row>(text: TemplateStringsArray, ...values: unknown[]) =>
  gateway.db.rows<Row>("test", sql(text, ...values));

test("a report that Stripe could not count is released from the quarantine, once", async () => {
  const accountId = await gateway.openAccount();
  await rows`insert into usage_reports (identifier, account_id, metric, period_start, window_no, from_quantity,
      to_quantity, stripe_customer_id, meter_event_name, event_at, state, last_error, created_at)
    values ('report-1', ${accountId}, 'events', now(), 1, 0, 5, 'cus_1', 'driftlock_events', now(), 'failed',
      'meter_event_invalid_value: not a number', now())`;
  const [set] = await rows<{
    id: number;
  }>`insert into usage_quarantine (account_id, event_id, metric, payload, reason,
      detail, quarantined_at) values (${accountId}, 'report-1', 'events', '{}', 'stripe:meter_event_invalid_value',
      'not a number', now()) returning quarantine_id as id`;
  const replay = () =>
    gateway.request("POST", `/operator/quarantine/${set?.id}/replay`, { bearer: gateway.operatorKey });
  const [first, again] = [await replay(), await replay()];
  expect(first).toMatchObject({ status: 200, body: { state: "replayed" } });
  expect(again.body).toEqual(first.body);
  expect(
    await rows`select state, released_at is not null as released from usage_reports where account_id = ${accountId}`,
  ).toEqual([{ state: "failed", released: true }]);
  expect(await rows`select action from audit_log where target = ${String(set?.id)}`).toEqual([
    { action: "quarantine.replayed" },
  ]);
});
