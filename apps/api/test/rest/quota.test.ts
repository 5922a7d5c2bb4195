import { beforeEach, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";
import { openProducer } from "./producer.ts";

const gateway = await openFileGateway();
let account: string;
let key: string;
beforeEach(async () => void ({ account, key } = await openProducer(gateway)));

const check = (body: object, bearer = key) =>
  gateway.request("POST", "/billing/quota/check", { bearer, body });
const alerts = (quantity: number, id?: string) => ({
  metric: "alerts",
  quantity,
  ...(id !== undefined && { id }),
});

test("a check says what would fit and counts nothing", async () => {
  const allowed = await check({ items: [alerts(60), { metric: "events" }] });
  expect(allowed).toMatchObject({
    status: 200,
    body: {
      allowed: true,
      items: [{ metric: "alerts", allowed: true, limit: 100, used: 0, remaining: 100 }, { used: 0 }],
    },
  });
  expect(Date.parse(allowed.body.items[0].resetsAt)).toBeGreaterThan(Date.now());
  expect((await check({ items: [alerts(60), alerts(41)] })).body).toMatchObject({
    allowed: false,
    items: [{ allowed: true }, { allowed: false, code: "QUOTA_EXCEEDED" }],
  });
  expect((await check({ items: [alerts(100)] })).body.allowed).toBe(true);
});

test("consume takes all or none, and a repeat takes nothing more", async () => {
  const both = { consume: true, items: [alerts(40, "a"), { metric: "events", quantity: 7, id: "b" }] };
  const taken = { allowed: true, items: [{ used: 40, remaining: 60 }, { used: 7 }] };
  expect((await check(both)).body).toMatchObject(taken);
  expect((await check(both)).body).toMatchObject(taken);
  const refused = await check({ consume: true, items: [{ metric: "events", id: "c" }, alerts(61, "d")] });
  expect(refused.body).toMatchObject({
    allowed: false,
    items: [
      { allowed: true, used: 7 },
      { allowed: false, used: 40, code: "QUOTA_EXCEEDED" },
    ],
  });
  expect((await check({ consume: true, items: [alerts(41, "a")] })).body).toMatchObject({
    allowed: false,
    items: [{ code: "EVENT_CONFLICT", used: 40 }],
  });
  const asEvent = { id: "a", metric: "alerts", quantity: 40 };
  const posted = await gateway.request("POST", "/billing/usage", { bearer: key, body: asEvent });
  expect(posted.body.outcome).toBe("duplicate");
});

test("100 at once for one alert each of the last 50: 50 are allowed", async () => {
  await check({ consume: true, items: [alerts(50, "first")] });
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => check({ consume: true, items: [alerts(1, `n${index}`)] })),
  );
  expect(answers.filter(({ body }) => body.allowed)).toHaveLength(50);
  expect((await check({ items: [alerts(1)] })).body).toMatchObject({
    allowed: false,
    items: [{ used: 100 }],
  });
});

test("an unknown metric is a refusal, and takes the others with it", async () => {
  const items = [{ metric: "nothing", id: "x" }, alerts(1, "y")];
  expect((await check({ items, consume: true })).body).toMatchObject({
    allowed: false,
    items: [{ allowed: false, code: "UNKNOWN_METRIC", limit: 0 }, { used: 0 }],
  });
});

test.each([
  [{ items: [] }],
  [{ items: [alerts(-1)] }],
  [{ items: [alerts(1.5)] }],
  [{ items: [alerts(1)], consume: true }],
  [{ items: [alerts(1, "tab\t")], consume: true }],
  [{ items: [alerts(1, "")], consume: true }],
  [{ items: [alerts(1)], other: 1 }],
])("%j is 422", async (body) => {
  expect((await check(body)).status).toBe(422);
});

test("whose account it is", async () => {
  expect((await check({ items: [alerts(1)], accountId: "other" })).status).toBe(404);
  expect((await check({ items: [alerts(1)] }, gateway.serviceKey)).status).toBe(422);
  expect((await check({ items: [alerts(1)], accountId: account }, gateway.serviceKey)).body.allowed).toBe(
    true,
  );
  expect((await check({ items: [alerts(1)], accountId: "no-such" }, gateway.serviceKey)).status).toBe(404);
  const reader = await gateway.addKey(["billing:read"], account);
  expect((await check({ items: [alerts(1)] }, reader)).status).toBe(200);
  expect((await check({ items: [alerts(1, "z")], consume: true }, reader)).status).toBe(403);
});
