import { beforeAll, expect, test } from "vitest";
import { openFileGateway } from "./open-file-gateway.ts";

const gateway = await openFileGateway({ RATE_LIMIT_PER_SECOND: "5" });
let accountId: string;
beforeAll(async () => {
  accountId = await gateway.openAccount();
});

const surge = (path: string, bearer: string | undefined) =>
  Promise.all(Array.from({ length: 30 }, () => gateway.request("GET", path, { bearer })));

test("a key over its limit is 429 RATE_LIMITED with Retry-After, another is not", async () => {
  const bearer = await gateway.addKey(["billing:read"], accountId);
  const refused = (await surge("/billing/subscription", bearer)).filter(({ status }) => status !== 200);
  expect(refused.length).toBeGreaterThanOrEqual(15);
  for (const answer of refused) {
    expect(answer).toMatchObject({ status: 429, body: { code: "RATE_LIMITED" } });
    expect(answer.headers.get("retry-after")).toBe("1");
  }
  const other = await gateway.addKey(["billing:read"], accountId);
  expect((await gateway.request("GET", "/billing/subscription", { bearer: other })).status).toBe(200);
});

test("credentials that are none are limited by address", async () => {
  const answers = await surge("/billing/subscription", "dlk_test_wrongwrongwrongwrong");
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
});

test("a service key, and what is public, have no limit", async () => {
  const own = await surge(`/billing/subscription?accountId=${accountId}`, gateway.serviceKey);
  const open = await surge("/billing/plans", undefined);
  expect([...own, ...open].every(({ status }) => status === 200)).toBe(true);
});
