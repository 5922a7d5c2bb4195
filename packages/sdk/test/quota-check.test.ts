import { expect, test } from "vitest";
import { createQuotaCheck, type Fetch } from "../src/index.ts";
import { type Given, startGateway } from "./helpers.ts";

const apiKey = "dlk_test_key";
const timeoutMs = 10_000;
const resetsAt = "2026-02-01T00:00:00.000Z";
const now = () => new Date("2026-01-15T00:00:00Z");
const down: Given = { status: 503 };
const say = (allowed: boolean, remaining: number | null): Given => ({
  status: 200,
  body: {
    allowed,
    items: [
      { metric: "events", allowed, limit: remaining === null ? null : 100, used: 0, remaining, resetsAt },
    ],
  },
});

test("the gateway's answer is handed on", async () => {
  const { url, asked } = await startGateway(() => say(false, 0));
  const checkQuota = createQuotaCheck({ url, apiKey, timeoutMs, onFailure: "open" });
  expect(await checkQuota({ accountId: "acme", items: [{ metric: "events" }] })).toMatchObject({
    allowed: false,
    decidedBy: "gateway",
    items: [{ metric: "events", remaining: 0 }],
    failure: null,
  });
  expect(asked[0]).toMatchObject({
    path: "/billing/quota/check",
    body: { accountId: "acme", items: [{ metric: "events", quantity: 1 }], consume: false },
  });
});

test.each([
  ["open", true],
  ["closed", false],
  ["last-known", false],
] as const)("%s, when nothing is known: %s", async (onFailure, allowed) => {
  const { url } = await startGateway(() => down);
  const checkQuota = createQuotaCheck({ url, apiKey, timeoutMs, onFailure });
  expect(await checkQuota({ items: [{ metric: "events", id: "a" }], consume: true })).toEqual({
    allowed,
    decidedBy: "policy",
    items: [],
    failure: "503",
    mustRecord: allowed,
  });
});

test("last-known gives out what was left, once, all or none, and the whole limit once after the reset", async () => {
  const { url } = await startGateway((_asked, place) => (place === 0 ? say(true, 10) : down));
  let at = now();
  const checkQuota = createQuotaCheck({ url, apiKey, timeoutMs, onFailure: "last-known", now: () => at });
  const take = async (...quantities: number[]) => {
    const items = quantities.map((quantity) => ({ metric: "events", quantity, id: "x" }));
    return (await checkQuota({ items, consume: true })).allowed;
  };
  await take(1);
  expect([await take(6, 5), await take(6), await take(5), await take(4), await take(1)]).toEqual([
    false,
    true,
    false,
    true,
    false,
  ]);
  at = new Date(resetsAt);
  expect([await take(100), await take(1)]).toEqual([true, false]);
});

test.each([
  ["unlimited", say(true, null)],
  ["billed beyond the limit", say(true, 0)],
])("last-known goes on allowing what is %s", async (_what, first) => {
  const { url } = await startGateway((_asked, place) => (place === 0 ? first : down));
  const checkQuota = createQuotaCheck({ url, apiKey, timeoutMs, onFailure: "last-known", now });
  const question = { items: [{ metric: "events", quantity: 1_000 }] };
  await checkQuota(question);
  expect(await checkQuota(question)).toMatchObject({ allowed: true, decidedBy: "policy", mustRecord: false });
});

test("a key that is refused is no failure that a policy may hide", async () => {
  const { url } = await startGateway(() => ({ status: 403, body: { code: "SCOPE_MISSING" } }));
  const checkQuota = createQuotaCheck({ url, apiKey, timeoutMs, onFailure: "open" });
  await expect(checkQuota({ items: [{ metric: "events" }] })).rejects.toMatchObject({
    code: "REFUSED",
    status: 403,
  });
});

test("a gateway that says nothing in time is one that cannot be reached", async () => {
  const { url } = await startGateway(() => say(false, 0));
  const neverAnswered: Fetch = (_url, { signal }) =>
    new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const checkQuota = createQuotaCheck({
    url,
    apiKey,
    timeoutMs: 20,
    onFailure: "open",
    fetch: neverAnswered,
  });
  expect(await checkQuota({ items: [{ metric: "events" }] })).toMatchObject({
    allowed: true,
    decidedBy: "policy",
    failure: expect.stringContaining("timeout"),
  });
});
