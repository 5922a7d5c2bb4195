import { startNoticeReceiver, until } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { system } from "../system.ts";

test("what an account asked to be told of, it is told within seconds of using it, once", async () => {
  const driver = system();
  const receiver = await startNoticeReceiver();
  const account = await driver.openAccount("watchful");
  await driver.request("PUT", "/billing/notification-endpoints", {
    body: { accountId: account, endpoints: [{ url: receiver.url }] },
  });
  const chosen = [{ metric: "events", thresholds: [{ percent: 80 }, { quantity: 2_500 }] }];
  const alerts = await driver.request("PUT", "/billing/alerts", {
    body: { accountId: account, metrics: chosen },
  });
  expect(alerts.status).toBe(200);
  const told = () =>
    receiver.received.map(({ type, body }) => [type, body.data["metric"], body.data["threshold"]]);

  await driver.send(account, { prefix: "a", count: 2_499 });
  await driver.send(account, { prefix: "b", count: 1 });
  const quantity = ["usage.threshold_reached", "events", { quantity: 2_500 }];
  await until("the quantity was told", () => told().length === 1);
  expect(told()).toEqual([quantity]);
  await driver.send(account, { prefix: "c", count: 6_000 });
  await until("the percentage was told", () => told().length === 2);
  expect(told()).toEqual([quantity, ["usage.threshold_reached", "events", { percent: 80 }]]);
  await receiver.close();
});
