import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Gateway, openGateway } from "../helpers.ts";

const requestCount = 10_000;
const usedBefore = 4_000;
const limit = 10_000;

let first: Gateway;
let gateways: Gateway[];
const agent = new Agent({ keepAlive: true, maxSockets: 400 });
beforeAll(async () => {
  first = await openGateway();
  const shared = { DATABASE_URL: first.databaseUrl, REDIS_URL: first.redisUrl };
  gateways = [first, await openGateway(shared), await openGateway(shared)];
});
afterAll(async () => {
  agent.destroy();
  // The others use the first one's database.
  for (const gateway of gateways.toReversed()) await gateway.close();
});

// oxlint-disable-next-line typescript/no-explicit-any -- what a test expects of a body is the test's to say
async function post(gateway: Gateway, path: string, body: object): Promise<{ status: number; body: any }> {
  const sending = request(`${gateway.url}${path}`, {
    agent,
    method: "POST",
    headers: { authorization: `Bearer ${first.serviceKey}`, "content-type": "application/json" },
  });
  sending.end(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    sending.on("error", reject);
    sending.on("response", (response) => {
      const status = response.statusCode ?? 0;
      text(response).then((answer) => resolve({ status, body: JSON.parse(answer) }), reject);
    });
  });
}

test("10,000 requests at once over three gateways, for less room than they ask for: the limit is met to the unit", {
  timeout: 60_000,
}, async () => {
  const accountId = await first.openAccount();
  const before = { id: "before", metric: "events", quantity: usedBefore, accountId };
  expect((await post(first, "/billing/usage", before)).status).toBe(202);

  const items = [{ metric: "events", quantity: 1 }];
  /** One unit, as an event, a check that consumes, or a hold; resolves with whether it was given. */
  const takeOne = async (index: number): Promise<boolean> => {
    const gateway = gateways[index % gateways.length] ?? first;
    const id = `n${index}`;
    if (index % 10 === 9) {
      const wish = { accountId, id, items, ttlSeconds: 3_600 };
      const { status } = await post(gateway, "/billing/quota/reservations", wish);
      expect([201, 429]).toContain(status);
      return status === 201;
    }
    if (index % 2 === 0) {
      const { status } = await post(gateway, "/billing/usage", { id, metric: "events", accountId });
      expect([202, 429]).toContain(status);
      return status === 202;
    }
    const check = { accountId, consume: true, items: [{ metric: "events", quantity: 1, id }] };
    const { status, body } = await post(gateway, "/billing/quota/check", check);
    expect(status).toBe(200);
    return body.allowed;
  };
  const given = await Promise.all(Array.from({ length: requestCount }, (_, index) => takeOne(index)));

  expect(given.filter(Boolean)).toHaveLength(limit - usedBefore);
  const last = await post(first, "/billing/quota/check", { accountId, items });
  expect(last.body).toMatchObject({ allowed: false, items: [{ remaining: 0 }] });
  const heldCount = given.filter((isGiven, index) => isGiven && index % 10 === 9).length;
  expect(last.body.items[0].used).toBe(limit - heldCount);
});
