import { until } from "@driftlock/devkit";
import { createUsageDigest } from "@driftlock/sdk";
import { expect, test } from "vitest";
import { system } from "../system.ts";

interface Explained {
  lines: {
    metric: string;
    quantity: number;
    charge: { amountMinor: number; isAsInvoiced: boolean };
    segments: {
      total: { quantity: number; eventCount: number };
      reported: { quantity: number };
      digest: { digest: string; eventCount: number; quantity: number } | null;
    }[];
  }[];
}

test("an invoice's line leads back to the producer's own events, and all figures of the account agree", {
  timeout: 180_000,
}, async () => {
  const driver = system();
  const account = await driver.openAccount("explained");
  const { period } = await driver.subscribe(account, "pro");
  const count = 101_000;
  await driver.send(account, { prefix: "e", count });
  const own = createUsageDigest({ accountId: account, metric: "events" });
  for (let number = 0; number < count; number++) own.add({ id: `e-${number}`, metric: "events" });

  await driver.travelTo(new Date(Date.parse(period.end) + 3_600_000));
  const { id } = await driver.renewalOf(account);
  const explain = () =>
    driver.expectOk<Explained>("GET", `/billing/invoices/${id}/explain?accountId=${account}`);
  const { lines } = await until(
    "the period is read",
    async () => {
      const explained = await explain();
      return explained.lines[0]?.segments[0]?.digest ? explained : null;
    },
    60_000,
  );
  const { digest, eventCount, quantity } = own.result();
  expect(lines).toMatchObject([
    {
      metric: "events",
      quantity: count,
      charge: { amountMinor: 50, isAsInvoiced: true },
      segments: [
        {
          total: { quantity: count, eventCount: count },
          reported: { quantity: count },
          digest: { digest, eventCount, quantity },
        },
      ],
    },
  ]);
  const page = await driver.expectOk<{ data: { id: string }[]; nextCursor: string | null }>(
    "GET",
    `/billing/invoices/${id}/explain/events?accountId=${account}&metric=events&limit=3`,
  );
  expect(page.data.map((event) => event.id)).toEqual(["e-0", "e-1", "e-10"]);
  expect(page.nextCursor).not.toBeNull();
  const trace = await driver.expectOk<{ record: object }>(
    "GET",
    `/billing/usage/events/e-100999?accountId=${account}`,
  );
  expect(trace.record).toMatchObject({ billing: "invoiced", invoiceId: id });

  const compared = async () => {
    const { data } = await driver.expectOk<{
      data: { state: string; figures: { stored: number | null }; period: { start: string } }[];
    }>("GET", `/operator/reconciliation?accountId=${account}`, { bearer: driver.dev.operatorKey });
    const closed = data.find((row) => row.period.start === period.start);
    // Its records are read page by page; until then what is stored is not known.
    const isRead = closed !== undefined && closed.figures.stored !== null;
    return isRead && data.every(({ state }) => state === "agrees") ? closed : null;
  };
  expect(await until("all figures agree", compared, 90_000)).toMatchObject({
    figures: {
      accepted: count,
      stored: count,
      total: count,
      reported: count,
      adjusted: 0,
      invoiced: count,
    },
  });
});
