import { applyStripeEvent, syncStripeObject } from "@driftlock/contracts";
import { sql } from "@driftlock/db";
import { createRedis } from "@driftlock/redis";
import { createLogger, createMetrics } from "@driftlock/runtime";
import { createConsumer, createProducer, processor } from "@driftlock/runtime/queue";
import { describe, expect, test, vi } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();

const operate = (method: string, path: string, body?: unknown) =>
  gateway.request(method, `/operator${path}`, { bearer: gateway.operatorKey, body });

const auditOf = (target: string) =>
  gateway.db.rows<{ action: string; actor: string }>(
    "test.audit",
    sql`select action, actor from audit_log where target = ${target}::text order by audit_id`,
  );

describe("accounts", () => {
  test("are opened on Free, with an id of the caller's or of ours, once", async () => {
    const made = await operate("POST", "/accounts", { id: "acme_1", name: "Acme", email: "a@acme.test" });
    expect(made).toMatchObject({
      status: 201,
      body: { id: "acme_1", name: "Acme", email: "a@acme.test", stripeCustomerId: null },
    });
    expect(await operate("POST", "/accounts", { id: "acme_1" })).toMatchObject({
      status: 409,
      body: { code: "ACCOUNT_EXISTS" },
    });
    expect((await operate("POST", "/accounts")).body.id).toMatch(/^acct_[0-9a-f]{20}$/);
    expect((await operate("POST", "/accounts", {})).status).toBe(201);
    expect(await auditOf("acme_1")).toEqual([
      { action: "account.opened", actor: expect.stringMatching(/^key_/) },
    ]);
  });

  test("show what they have at Stripe", async () => {
    const id = await gateway.openAccount();
    expect((await operate("GET", `/accounts/${id}`)).body).toMatchObject({
      planId: "free",
      subscriptions: [],
    });
    const subscriptionId = await gateway.subscribe(id, "pro");
    expect((await operate("GET", `/accounts/${id}`)).body).toMatchObject({
      id,
      stripeCustomerId: expect.stringMatching(/^cus_/),
      planId: "pro",
      paymentState: "ok",
      access: "full",
      subscriptions: [{ id: subscriptionId, planId: "pro", status: "active", endedAt: null }],
    });
    expect(await operate("GET", "/accounts/nobody")).toMatchObject({
      status: 404,
      body: { code: "ACCOUNT_NOT_FOUND" },
    });
  });

  test("are listed page by page, each once, the newest first", async () => {
    for (let count = 0; count < 5; count += 1) await gateway.openAccount();
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await operate("GET", `/accounts?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      expect(page.body.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.body.data.map(({ id }: { id: string }) => id));
      cursor = page.body.nextCursor;
    }
    const rows = await gateway.db.rows<{ id: string }>(
      "test.accounts",
      sql`select account_id as id from accounts order by created_at desc, account_id desc`,
    );
    expect(seen).toEqual(rows.map(({ id }) => id));
  });
});

test("accounts are searched for by a part of their id, name or mail address, and by their Stripe customer", async () => {
  await operate("POST", "/accounts", { id: "Searched-1", name: "Café 100%", email: "pay@searched.test" });
  await operate("POST", "/accounts", { id: "searched-2" });
  await gateway.db.run(
    "test.customer",
    sql`update accounts set stripe_customer_id = 'cus_searched' where account_id = 'searched-2'`,
  );
  const found = async (search: string) =>
    (await operate("GET", `/accounts?search=${encodeURIComponent(search)}`)).body.data.map(
      ({ id }: { id: string }) => id,
    );
  expect(await found("SEARCHED-")).toEqual(["searched-2", "Searched-1"]);
  expect(await found("100%")).toEqual(["Searched-1"]);
  expect(await found("pay@searched")).toEqual(["Searched-1"]);
  expect(await found("cus_searched")).toEqual(["searched-2"]);
  expect(await found("cus_search")).toEqual([]);
  expect(await operate("GET", "/accounts?search=%20")).toMatchObject({ status: 422 });
});

describe("keys", () => {
  test("are told once, stored as a hash, rolled and revoked", async () => {
    const accountId = await gateway.openAccount();
    const read = (bearer: string) => gateway.request("GET", "/billing/subscription", { bearer });
    const made = await operate("POST", "/keys", { name: "ci", scopes: ["billing:read"], accountId });
    expect(made).toMatchObject({
      status: 201,
      body: {
        key: expect.stringMatching(/^dlk_test_/),
        name: "ci",
        mode: "test",
        scopes: ["billing:read"],
        accountId,
      },
    });
    expect((await read(made.body.key)).body.accountId).toBe(accountId);

    const rolled = await operate("POST", `/keys/${made.body.id}/roll`);
    expect(rolled).toMatchObject({ status: 201, body: { name: "ci", scopes: ["billing:read"], accountId } });
    expect(await read(made.body.key)).toMatchObject({ status: 401, body: { code: "KEY_REVOKED" } });
    expect((await read(rolled.body.key)).status).toBe(200);
    expect(await operate("POST", `/keys/${made.body.id}/roll`)).toMatchObject({ status: 404 });

    const revoked = await operate("DELETE", `/keys/${rolled.body.id}`);
    expect(revoked.body.revokedAt).not.toBeNull();
    expect((await operate("DELETE", `/keys/${rolled.body.id}`)).body).toEqual(revoked.body);
    expect(await read(rolled.body.key)).toMatchObject({ status: 401, body: { code: "KEY_REVOKED" } });
    expect(await operate("DELETE", "/keys/key_none")).toMatchObject({ status: 404 });

    const listed = await operate("GET", "/keys");
    expect(JSON.stringify(listed.body)).not.toContain(made.body.key);
    expect(JSON.stringify(listed.body)).not.toContain('"key"');
    expect((await auditOf(made.body.id)).map(({ action }) => action)).toEqual(["key.created", "key.rolled"]);
    expect((await auditOf(rolled.body.id)).map(({ action }) => action)).toEqual(["key.revoked"]);
  });

  test.each([
    ["an account's key without account", { scopes: ["billing:read"] }],
    ["a service key with one", { scopes: ["service"], accountId: "x" }],
    ["no scope", { scopes: [] }],
    ["an unknown scope", { scopes: ["root"] }],
  ])("%s is 422", async (_name, body) => {
    expect(await operate("POST", "/keys", body)).toMatchObject({ status: 422, body: { code: "INVALID" } });
  });

  test("of an unknown account is 404", async () => {
    expect(await operate("POST", "/keys", { scopes: ["billing:read"], accountId: "nobody" })).toMatchObject({
      status: 404,
      body: { code: "ACCOUNT_NOT_FOUND" },
    });
  });
});

test("dunning cases are listed, the newest first", async () => {
  const accountId = await gateway.openAccount();
  for (const [invoice, day] of [
    ["in_1", 1],
    ["in_2", 2],
  ] as const) {
    const at = new Date(Date.UTC(2026, 0, day));
    await gateway.db.run(
      "test.invoice",
      sql`insert into invoices (invoice_id, account_id, status, total_minor, amount_due_minor, amount_paid_minor,
        amount_remaining_minor, currency, period_start, period_end, lines, created_at, fetch_sequence)
      values (${invoice}::text, ${accountId}::text, 'open', 2900, 2900, 0, 2900, 'usd', ${at}::timestamptz,
        ${at}::timestamptz, '[]', ${at}::timestamptz, 1)`,
    );
    await gateway.db.run(
      "test.case",
      sql`insert into dunning_cases (invoice_id, account_id, state, mode, attempts, first_failed_at, last_tried_at, seen_payment_method_ids)
      values (${invoice}::text, ${accountId}::text, 'retrying', 'worker', 1, ${at}::timestamptz, ${at}::timestamptz, '{}')`,
    );
  }
  const first = await operate("GET", "/dunning?limit=1");
  expect(first.body.data).toMatchObject([{ invoiceId: "in_2", accountId, state: "retrying", attempts: 1 }]);
  const second = await operate("GET", `/dunning?limit=1&cursor=${first.body.nextCursor}`);
  expect(second.body).toMatchObject({ data: [{ invoiceId: "in_1" }], nextCursor: null });
  const invoices = await gateway.request("GET", `/billing/invoices?accountId=${accountId}&limit=1`, {
    bearer: gateway.serviceKey,
  });
  expect(invoices.body.data).toMatchObject([
    {
      id: "in_2",
      status: "open",
      totalMinor: 2_900,
      amountDueMinor: 2_900,
      currency: "usd",
      number: null,
      lines: [],
    },
  ]);
  const own = await gateway.addKey(["billing:read"], await gateway.openAccount());
  expect(await gateway.request("GET", "/billing/invoices/in_1", { bearer: own })).toMatchObject({
    status: 404,
    body: { code: "INVOICE_NOT_FOUND" },
  });
  const one = await gateway.request("GET", `/billing/invoices/in_1?accountId=${accountId}`, {
    bearer: gateway.serviceKey,
  });
  expect(one).toMatchObject({ status: 200, body: { id: "in_1" } });
});

test("queues are counted, and what failed for good is listed and tried again", async () => {
  const log = createLogger({ name: "test", level: "silent" });
  const connection = gateway.life.own(
    "queue connection",
    createRedis({
      url: gateway.redisUrl,
      connectionName: "test",
      purpose: "queues",
      onConnectionError: () => {},
    }),
    (redis) => redis.disconnect(),
  );
  const producer = gateway.life.own("producer", createProducer({ connection, log }), ({ close }) => close());
  const tries: string[] = [];
  const doomed = processor({ ...syncStripeObject, attempts: 1 }, async ({ objectId }) => {
    tries.push(objectId);
    if (tries.length === 1) throw new Error("poison");
  });
  const metrics = createMetrics("test-worker");
  const consumer = createConsumer({
    connection,
    queue: "billing",
    processors: [doomed],
    concurrency: 1,
    log,
    metrics,
  });
  gateway.life.own("consumer", consumer, ({ close }) => close());
  await producer.add({ ...syncStripeObject, attempts: 1 }, { objectId: "sub_1" });

  const failed = () => operate("GET", "/queues/billing/failed");
  await vi.waitFor(async () => expect((await failed()).body.data).toHaveLength(1), 5_000);
  const [job] = (await failed()).body.data;
  expect(job).toMatchObject({
    queue: "billing",
    name: "sync-stripe-object",
    payload: { objectId: "sub_1" },
    reason: "poison",
  });
  const { body } = await operate("GET", "/queues");
  expect(body.data.find((each: { queue: string }) => each.queue === "billing")).toMatchObject({ failed: 1 });
  expect(body.data.map(({ queue }: { queue: string }) => queue)).toContain(applyStripeEvent.queue);

  const retried = await operate("POST", `/queues/billing/failed/${encodeURIComponent(job.id)}/retry`);
  expect(retried).toMatchObject({ status: 202, body: { queue: "billing", id: job.id } });
  await vi.waitFor(() => expect(tries).toEqual(["sub_1", "sub_1"]), 5_000);
  expect(await auditOf(`billing/${job.id}`)).toMatchObject([{ action: "job.retried" }]);
  expect(await operate("POST", "/queues/billing/failed/none/retry")).toMatchObject({ status: 404 });
  expect(await operate("GET", "/queues/none/failed")).toMatchObject({ status: 404 });
});
