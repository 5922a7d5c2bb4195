import { until } from "@driftlock/devkit";
import { expect, test } from "vitest";
import { system } from "../system.ts";

test("cancelling keeps Pro until the period's end, then Free", { timeout: 120_000 }, async () => {
  const driver = system();
  const account = await driver.openAccount("leaves");
  const { period } = await driver.subscribe(account, "pro");
  const canceled = await driver.request("DELETE", `/billing/subscription?accountId=${account}`);
  expect(canceled).toMatchObject({ status: 200, body: { planId: "pro", cancelAtPeriodEnd: true } });
  expect(await driver.request("DELETE", `/billing/subscription?accountId=${account}`)).toMatchObject({
    status: 409,
    body: { code: "ALREADY_CANCELED" },
  });
  await driver.travelTo(new Date(Date.parse(period.end) + 7_200_000));
  await until("the account is on Free", async () => (await driver.subscription(account)).planId === "free");
});

test("resume before the end takes it back", { timeout: 120_000 }, async () => {
  const driver = system();
  const account = await driver.openAccount("stays");
  const { period } = await driver.subscribe(account, "pro");
  await driver.request("DELETE", `/billing/subscription?accountId=${account}`);
  expect(
    await driver.request("POST", "/billing/subscription/resume", { body: { accountId: account } }),
  ).toMatchObject({
    status: 200,
    body: { planId: "pro", cancelAtPeriodEnd: false },
  });
  await driver.travelTo(new Date(Date.parse(period.end) + 7_200_000));
  expect(await driver.subscription(account)).toMatchObject({ planId: "pro", status: "active" });
});
