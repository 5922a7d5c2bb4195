import { expect, test } from "vitest";
import { fiveTotals } from "../five-totals.ts";
import { system } from "../system.ts";

const hourMs = 3_600_000;
const driver = system();
const operate = (method: string, path: string, body?: object) =>
  driver.expectOk<Record<string, unknown>>(method, `/operator${path}`, {
    bearer: driver.dev.operatorKey,
    ...(body !== undefined && { body }),
  });

test("usage that comes after its period was billed is on the next invoice, as its preview said; five totals agree", {
  timeout: 240_000,
}, async () => {
  const accountId = await driver.openAccount("late");
  const { period } = await driver.subscribe(accountId, "pro");
  await driver.send(accountId, { prefix: "e", count: 101_000, perRequest: 10_000 });
  await driver.travelTo(new Date(Date.parse(period.end) + hourMs));
  expect(await driver.renewalOf(accountId)).toMatchObject({ totalMinor: 2_950 });

  const eventOf = (id: string, of: object = {}) => ({
    ...{
      id,
      metric: "events",
      accountId,
      timestamp: new Date(Date.parse(period.end) - hourMs).toISOString(),
    },
    ...of,
  });
  const events = Array.from({ length: 2_010 }, (_, index) => eventOf(`late-${index}`));
  const preview = await operate("POST", "/usage/late-preview", { events });
  expect(preview).toMatchObject({
    accepted: 2_010,
    invoicesChanged: 1,
    summary: "This changes 1 invoice by +$1.01.",
    lines: [{ isClosed: true, quantity: 2_010, amountMinor: 101, invoice: { kind: "next" } }],
  });
  for (let times = 0; times < 2; times++)
    expect((await driver.request("POST", "/billing/usage", { body: events })).body).toMatchObject(
      times === 0 ? { accepted: 2_010 } : { duplicates: 2_010 },
    );
  expect(
    (await driver.request("POST", "/billing/usage", { body: [eventOf("alert", { metric: "alerts" })] })).body,
  ).toMatchObject({ results: [{ outcome: "period-closed" }] });

  // The policy of the moment in which an event is stored decides.
  await expect
    .poll(async () => (await fiveTotals(driver, accountId, "events", period)).counted, { timeout: 30_000 })
    .toBe(103_010);
  await operate("PATCH", "/metrics/events", { latePolicy: "operator-review" });
  await driver.request("POST", "/billing/usage", { body: [eventOf("reviewed", { quantity: 1_000 })] });
  const setAside = () =>
    operate("GET", `/quarantine?accountId=${accountId}&reason=late`) as unknown as Promise<{
      data: { id: string; eventId: string; state: string }[];
    }>;
  await expect
    .poll(async () => (await setAside()).data, { timeout: 30_000 })
    .toMatchObject([{ eventId: "reviewed", state: "open" }]);
  const [{ id } = { id: "" }] = (await setAside()).data;
  expect(await operate("POST", "/quarantine/preview", { ids: [id] })).toMatchObject({ accepted: 1 });
  for (let times = 0; times < 2; times++)
    expect(await operate("POST", `/quarantine/${id}/replay`)).toMatchObject({ state: "replayed" });
  await operate("PATCH", "/metrics/events", { latePolicy: "carry-as-adjustment" });

  const next = (await driver.subscription(accountId)).period;
  await driver.travelTo(new Date(Date.parse(period.end) + 24 * hourMs));
  await driver.travelTo(new Date(Date.parse(next.end) + hourMs), 120_000);
  await expect
    .poll(async () => (await driver.invoices(accountId)).filter(({ status }) => status === "paid").length, {
      timeout: 30_000,
    })
    .toBe(3);
  const [renewal] = await driver.invoices(accountId);
  expect(renewal).toMatchObject({ totalMinor: 2_900 + 151, status: "paid" });
  const late = renewal?.lines.filter(({ description }) => description?.startsWith("Late usage: "));
  expect(late?.reduce((sum, { amountMinor }) => sum + amountMinor, 0)).toBe(151);
  expect(await fiveTotals(driver, accountId, "events", period)).toEqual({
    accepted: 103_011,
    stored: 104_010,
    counted: 104_010,
    reported: 104_010,
    invoiced: 104_010,
  });
});
