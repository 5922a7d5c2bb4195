import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type Db, notices, sql } from "@driftlock/db";
import { Webhook } from "standardwebhooks";
import { expect, onTestFinished, test } from "vitest";
import { insertNotice } from "../src/notices/insert-notice.ts";
import { createSendNotice } from "../src/notices/send-notice.ts";
import { tellExpiringCards } from "../src/notices/tell-expiring-cards.ts";
import { at, openAccount, openDatabase, putSubscription } from "./helpers.ts";
import { log } from "./world.ts";

const opened = at("2026-01-01T00:00:00");
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** A receiver that answers as it is told, the last answer for ever. */
async function openReceiver(answers: number[]) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ path: request.url ?? "", headers: request.headers as Record<string, string>, body });
      const status = (answers.length > 1 ? answers.shift() : answers[0]) ?? 200;
      response.writeHead(status, status === 302 ? { location: "/elsewhere" } : {}).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

async function openOutbox(answers: number[] = [200], { url }: { url?: string } = {}) {
  const world = await openDatabase(opened);
  onTestFinished(() => world[Symbol.asyncDispose]());
  const { db } = world;
  await openAccount(db, "acme", opened);
  const receiver = await openReceiver(answers);
  await db.run(
    "test.endpoint",
    sql`insert into notification_endpoints values ('ep_1', 'acme', ${url ?? receiver.url}::text, ${secret}::text, ${opened}::timestamptz)`,
  );
  const wall = { ms: Date.now() };
  const wallClock = { now: () => new Date(wall.ms) };
  const context = { log, signal: new AbortController().signal };
  const send = (allowsLoopback: boolean) =>
    createSendNotice({ db, wallClock, allowsLoopback, count: () => {} });
  return {
    db,
    receiver,
    wall,
    /** What the ticker and its jobs do. @returns how many were due. */
    sendDue: async ({ allowsLoopback = true } = {}) => {
      const due = await notices.claimDueDeliveries(db, wallClock.now(), 10);
      for (const delivery of due) await send(allowsLoopback)(delivery, context);
      return due.length;
    },
    tell: (type: "invoice.paid" | "invoice.payment_failed", invoiceId = "in_1") =>
      db.transaction((tx) =>
        insertNotice(tx, {
          accountId: "acme",
          type,
          dedupeKey: `${type}.${invoiceId}`,
          data: { invoiceId },
          now: opened,
        }),
      ),
  };
}

const deliveries = (db: Db) =>
  db.rows(
    "test.deliveries",
    sql`select n.type, d.state, d.attempts, d.last_status as status, d.last_error as error from notice_deliveries d
    join notices n using (notice_id) order by n.notice_no`,
  );

test("a step is told once, signed so that the standard's own library takes it", async () => {
  const { db, receiver, sendDue, tell } = await openOutbox();
  expect(await tell("invoice.paid")).toBe(true);
  expect(await tell("invoice.paid")).toBe(false);
  expect(await sendDue()).toBe(1);
  expect(await sendDue()).toBe(0);
  const [sent] = receiver.received;
  const verified = new Webhook(secret).verify(sent?.body ?? "", sent?.headers ?? {});
  expect(verified).toEqual({
    type: "invoice.paid",
    timestamp: "2026-01-01T00:00:00.000Z",
    data: { accountId: "acme", invoiceId: "in_1" },
  });
  expect(sent?.headers["webhook-id"]).toMatch(/^ntc_/);
  expect(() => new Webhook(secret).verify(`${sent?.body} `, sent?.headers ?? {})).toThrow();
  expect(await deliveries(db)).toEqual([
    { type: "invoice.paid", state: "delivered", attempts: 1, status: 200, error: null },
  ]);
});

test("what fails is sent again later under the same id, and a success is never told before its failure", async () => {
  const { db, receiver, wall, sendDue, tell } = await openOutbox([500, 200]);
  await tell("invoice.payment_failed");
  expect(await sendDue()).toBe(1);
  await tell("invoice.paid");
  await tell("invoice.paid", "in_2");
  expect(await sendDue()).toBe(1);
  wall.ms += 4_999;
  expect(await sendDue()).toBe(0);
  wall.ms += 1;
  expect(await sendDue()).toBe(1);
  expect(await sendDue()).toBe(1);
  expect(
    receiver.received
      .map(({ body }) => JSON.parse(body))
      .map(({ type, data }) => `${type} ${data.invoiceId}`),
  ).toEqual([
    "invoice.payment_failed in_1",
    "invoice.paid in_2",
    "invoice.payment_failed in_1",
    "invoice.paid in_1",
  ]);
  expect(receiver.received[0]?.headers["webhook-id"]).toBe(receiver.received[2]?.headers["webhook-id"]);
  expect((await deliveries(db)).map((each) => (each as { state: string }).state)).toEqual(
    Array(3).fill("delivered"),
  );
});

test("after about three days it is given up, and what follows is sent", async () => {
  const { db, wall, sendDue, tell } = await openOutbox([503]);
  await tell("invoice.payment_failed");
  const startedAtMs = wall.ms;
  for (let attempts = 0; attempts < 10; attempts += 1) {
    expect(await sendDue()).toBe(1);
    wall.ms += 24 * 3_600_000;
  }
  expect(wall.ms - startedAtMs).toBeGreaterThan(3 * 24 * 3_600_000);
  expect(await sendDue()).toBe(0);
  expect(await deliveries(db)).toEqual([
    { type: "invoice.payment_failed", state: "failed", attempts: 10, status: 503, error: "answered 503" },
  ]);
});

test("a sender that died is followed by another", async () => {
  const { db, wall, sendDue, tell } = await openOutbox();
  await tell("invoice.paid");
  await notices.claimDueDeliveries(db, new Date(wall.ms), 10);
  expect(await sendDue()).toBe(0);
  wall.ms += 5 * 60_000;
  expect(await sendDue()).toBe(1);
});

test("redirects are not followed, and a receiver that is gone is believed", async () => {
  const { db, receiver, wall, sendDue, tell } = await openOutbox([302, 410]);
  await tell("invoice.paid");
  await sendDue();
  wall.ms += 5_000;
  await sendDue();
  expect(receiver.received.map(({ path }) => path)).toEqual(["/hook", "/hook"]);
  expect(await deliveries(db)).toMatchObject([{ state: "failed", attempts: 2, status: 410 }]);
});

test.each([
  ["this machine", undefined, "not a public address"],
  ["http", "http://example.com/hook", "http:// is not https://"],
  ["a private address", "https://10.0.0.1/hook", "not a public address"],
  ["a name that leads to this machine", "https://localhost/hook", "which is not public"],
  ["an address of IPv6 that hides one of IPv4", "https://[::ffff:127.0.0.1]/hook", "not a public address"],
])("outside of the simulator nothing goes to %s", async (_, url, error) => {
  const { db, receiver, sendDue, tell } = await openOutbox([200], url === undefined ? {} : { url });
  await tell("invoice.paid");
  await sendDue({ allowsLoopback: false });
  expect(receiver.received).toEqual([]);
  const [row] = await deliveries(db);
  expect(row).toMatchObject({ state: "failed", attempts: 1 });
  expect((row as { error: string }).error).toContain(error);
});

test("owners of cards that expire are told 30 and 7 days ahead, once for each card, expiry and horizon", async () => {
  const { db } = await openOutbox();
  const period = [opened, at("2026-03-01T00:00:00")] as const;
  await putSubscription(db, { accountId: "acme", period, paymentMethodId: "pm_due" });
  for (const [accountId, isEndingWithPeriod] of [
    ["default", false],
    ["leaving", true],
  ] as const) {
    await openAccount(db, accountId, opened);
    await putSubscription(db, { id: accountId, accountId, period, isEndingWithPeriod });
  }
  // Of acme's cards the subscription names one; the customer's default is charged by nobody. The last owner leaves before.
  await db.run(
    "test.cards",
    sql`insert into payment_methods (payment_method_id, account_id, brand, last4, exp_month, exp_year, is_default, fetch_sequence)
    values ('pm_due', 'acme', 'visa', '4242', 3, 2026, false, 1), ('pm_replaced', 'acme', 'visa', '1111', 3, 2026, true, 1),
      ('pm_default', 'default', 'visa', '2222', 3, 2026, true, 1), ('pm_second', 'default', 'visa', '5555', 3, 2026, false, 1),
      ('pm_leaving', 'leaving', 'visa', '3333', 3, 2026, true, 1)`,
  );
  const told = async (...days: string[]) => {
    for (const day of days) await tellExpiringCards(db, at(day));
    const rows = await db.rows<{ key: string }>(
      "test.told",
      sql`select dedupe_key as key from notices order by notice_no`,
    );
    return rows.map(({ key }) => key.replace("payment_method.expiring.", "")).sort();
  };
  expect(await told("2026-03-01T00:00:00")).toEqual([]);
  const month = ["pm_default.2026-3", "pm_due.2026-3"];
  expect(await told("2026-03-02T00:00:01", "2026-03-24T23:59:59")).toEqual(month);
  const week = [...month, "pm_default.2026-3.7d", "pm_due.2026-3.7d"].sort();
  expect(await told("2026-03-25T00:00:01", "2026-04-02T00:00:00")).toEqual(week);
  // The network renews one, and its owner is told of the new expiry when that comes.
  await db.run(
    "test.renew",
    sql`update payment_methods set exp_month = 6 where payment_method_id = 'pm_due'`,
  );
  expect(await told("2026-04-03T00:00:00", "2026-06-26T00:00:00")).toEqual(
    [...week, "pm_due.2026-6.7d"].sort(),
  );
});
