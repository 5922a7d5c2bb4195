import { generateKeyPairSync, verify } from "node:crypto";
import { reconciliations, sql, usageReadings } from "@driftlock/db";
import { keys, partitionOf, createRedis } from "@driftlock/redis";
import { describe, expect, test } from "vitest";
import { openFileGateway } from "../open-file-gateway.ts";

const gateway = await openFileGateway();
const { db } = gateway;
const dayMs = 86_400_000;
const start = new Date(Math.floor(Date.now() / 1000) * 1000 - 10 * dayMs);
const at = (days: number) => new Date(start.getTime() + days * dayMs);

const operate = (method: string, path: string, body?: unknown) =>
  gateway.request(method, `/operator/reconciliation${path}`, { bearer: gateway.operatorKey, body });

/** On Pro for 20 days, with 150,003 events of which the total holds 150,000 and Stripe 140,000. */
async function openDrifted({ isClosed = false } = {}): Promise<{ account: string; id: string }> {
  const account = await gateway.openAccount();
  await db.run("test", sql`delete from usage_periods where account_id = ${account}::text`);
  await db.run(
    "test",
    sql`update accounts set stripe_customer_id = ${`cus_${account}`}::text where account_id = ${account}::text`,
  );
  await db.run(
    "test",
    sql`update metrics set stripe_meter_event_name = 'driftlock_events' where metric = 'events'`,
  );
  await db.run(
    "test",
    sql`insert into usage_periods (account_id, period_start, period_end, plan_id, plan_version, stripe_subscription_id, closed_at)
    select ${account}::text, s, e, 'pro', 1, 'sub_1', case when closed then e end
    from unnest(${[start, at(5)]}::timestamptz[], ${[at(5), at(40)]}::timestamptz[], ${[isClosed, false]}::boolean[]) as p (s, e, closed)`,
  );
  await db.run(
    "test",
    sql`insert into usage_records (account_id, event_id, metric, quantity, occurred_at, received_at, generation)
    select ${account}::text, id, 'events', quantity, ${at(1)}::timestamptz, now(), 1
    from unnest(array['a', 'b'], array[150000, 3]::bigint[]) as r (id, quantity)`,
  );
  await db.run(
    "test",
    sql`insert into usage_totals (account_id, metric, period_start, quantity, event_count, last_occurred_at)
    values (${account}::text, 'events', ${start}::timestamptz, 150000, 1, ${at(1)}::timestamptz)`,
  );
  await db.run(
    "test",
    sql`insert into usage_reports (identifier, account_id, metric, period_start, window_no, from_quantity, to_quantity,
      stripe_customer_id, meter_event_name, event_at, state, created_at)
    values (${`r.${account}`}::text, ${account}::text, 'events', ${start}::timestamptz, 1, 0, 140000, ${`cus_${account}`}::text,
      'driftlock_events', ${at(1)}::timestamptz, 'sent', now())`,
  );
  const difference = (kind: string, expected: number, found: number) => ({
    kind,
    expected,
    found,
    sinceMs: 1,
  });
  const [row] = await db.rows<{ id: number }>(
    "test",
    sql`insert into reconciliations (account_id, metric, period_start, period_end, state, figures, differences, largest, since,
      compared_at)
    values (${account}::text, 'events', ${start}::timestamptz, ${at(5)}::timestamptz, 'drifted', '{}',
      ${JSON.stringify([difference("live", 150_000, 160_000), difference("stored", 150_000, 150_003), difference("reported", 150_000, 140_000)])}::jsonb,
      10000, now(), now()) returning reconciliation_id as id`,
  );
  return { account, id: String(row?.id) };
}

const figures = {
  accepted: null,
  stored: 4,
  total: 5,
  live: null,
  reported: 0,
  confirmed: 0,
  waiting: 0,
  refused: 0,
  adjusted: 0,
  invoiced: null,
  setAsideEvents: 0,
  isBilled: false,
  isClosed: true,
  baseline: { old: null, next: { total: 5, atMs: 1 } },
};

const totalOf = async (accountId: string) =>
  (await usageReadings.findPeriodTotals(db, { accountId, periodStart: start }))["events"]?.quantity;

test("a preview says what a repair does and changes nothing; the repair does it, once, and is audited", async () => {
  const { account, id } = await openDrifted();
  const redis = createRedis({
    url: gateway.redisUrl,
    connectionName: "test",
    purpose: "requests",
    onConnectionError: () => {},
  });
  gateway.life.own("test redis", redis, (connection) => connection.disconnect());
  const mark = [keys.marks(partitionOf(account, 4)), account] as const;
  await redis.hset(mark[0], account, "epoch:1");
  const steps = [
    { kind: "recount-total", metric: "events", from: 150_000, to: 150_003 },
    { kind: "rebuild-counter", metric: "events", from: 160_000, to: 150_003 },
    { kind: "freeze-window", metric: "events", from: 140_000, to: 150_003 },
  ];
  const preview = await operate("POST", `/${id}/repair`, { preview: true });
  expect(preview).toMatchObject({ status: 200, body: { id, isPreview: true, steps, left: [] } });
  expect(await totalOf(account)).toBe(150_000);
  expect(await redis.hget(...mark)).toBe("epoch:1");

  const done = await operate("POST", `/${id}/repair`, {});
  expect(done.body).toEqual({ ...preview.body, isPreview: false });
  expect(await totalOf(account)).toBe(150_003);
  expect(await redis.hget(...mark)).toBeNull();
  const windows = await db.rows(
    "test",
    sql`select from_quantity as since, to_quantity as until, state from usage_reports where account_id = ${account}::text order by window_no`,
  );
  expect(windows).toEqual([
    { since: 0, until: 140_000, state: "sent" },
    { since: 140_000, until: 150_003, state: "pending" },
  ]);
  expect((await reconciliations.findReconciliation(db, Number(id)))?.repairedAt).toBeInstanceOf(Date);

  const again = await operate("POST", `/${id}/repair`, {});
  expect(again.body.steps).toMatchObject([{ kind: "rebuild-counter" }]);
  const audit = await db.rows<{ action: string; detail: { steps: object[] } }>(
    "test",
    sql`select action, detail from audit_log where target = ${account}::text and action like 'reconciliation.%' order by audit_id`,
  );
  expect(audit.map(({ detail }) => detail.steps.length)).toEqual([3, 1]);
});

test("a closed period is billed apart, with what that costs said before", async () => {
  const { account, id } = await openDrifted({ isClosed: true });
  const { body } = await operate("POST", `/${id}/repair`, { preview: true });
  expect(body.steps.at(-1)).toMatchObject({
    kind: "adjust",
    from: 140_000,
    to: 150_003,
    amountMinor: 500,
    currency: "usd",
  });
  const checks = () =>
    db.rows("test", sql`select 1 from usage_adjustment_checks where account_id = ${account}::text`);
  expect(await checks()).toHaveLength(0);
  await operate("POST", `/${id}/repair`, {});
  expect(await checks()).toHaveLength(1);
});

test("a total is never counted from records that are not all there", async () => {
  const { account, id } = await openDrifted();
  await db.run("test", sql`select rotate_usage_generation(1, now())`);
  await db.run(
    "test",
    sql`update usage_generations set opened_at = ${at(1)}::timestamptz where generation = 2`,
  );
  await db.run("test", sql`select drop_usage_generation(1)`);
  const { body } = await operate("POST", `/${id}/repair`, {});
  expect(body.left).toMatchObject([{ kind: "stored" }]);
  expect(body.steps.map(({ kind }: { kind: string }) => kind)).toEqual(["rebuild-counter", "freeze-window"]);
  expect(await totalOf(account)).toBe(150_000);
});

test("what has drifted is listed first, page by page, by account and state", async () => {
  const account = await gateway.openAccount();
  for (const [index, state] of ["agrees", "drifted", "in_flight"].entries()) {
    await db.run(
      "test",
      sql`insert into reconciliations (account_id, metric, period_start, period_end, state, figures, since, compared_at)
      values (${account}::text, 'events', ${at(index)}::timestamptz, ${at(index + 1)}::timestamptz, ${state}::text, '{}', now(), now())`,
    );
  }
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { body } = await operate(
      "GET",
      `?accountId=${account}&limit=1${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    seen.push(...body.data.map(({ state }: { state: string }) => state));
    cursor = body.nextCursor;
  }
  expect(seen).toEqual(["drifted", "in_flight", "agrees"]);
  const drifted = await operate("GET", `?accountId=${account}&state=drifted`);
  expect(drifted.body.data).toMatchObject([{ accountId: account, state: "drifted", figures: null }]);
  expect((await operate("GET", "?state=lost")).status).toBe(422);
  expect(await operate("POST", "/999999/repair", {})).toMatchObject({
    status: 404,
    body: { code: "NOT_FOUND" },
  });
  expect((await operate("GET", "/stripe")).body).toEqual({ data: [], nextCursor: null });
});

/** RFC 8785 for what a report holds, written down a second time: what an auditor needs beside node:crypto. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );

test("a report is checked with node:crypto alone; a changed one fails", async () => {
  const account = await gateway.openAccount();
  for (const index of [0, 1, 2]) {
    await db.run(
      "test",
      sql`insert into reconciliations (account_id, metric, period_start, period_end, state, figures, differences, since, compared_at)
      values (${account}::text, 'events', ${at(index)}::timestamptz, ${at(index + 1)}::timestamptz, 'drifted',
        ${JSON.stringify(figures)}::jsonb, '[{"kind": "stored", "expected": 5, "found": 4, "sinceMs": 1}]', now(), now())`,
    );
  }
  const range = `accountId=${account}&from=${at(2).toISOString()}&to=${at(9).toISOString()}`;
  const pages: { payload: { rows: object[]; cursor: string | null; nextCursor: string | null } }[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { status, body } = await operate(
      "GET",
      `/report?limit=1&${range}${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    expect(status).toBe(200);
    const { body: known } = await gateway.request("GET", "/billing/report-keys");
    const key = known.keys.find(({ id }: { id: string }) => id === body.signature.keyId);
    expect(Object.keys(key)).not.toContain("privateKey");
    const check = (payload: unknown) =>
      verify(
        null,
        Buffer.from(canonical(payload)),
        key.publicKey,
        Buffer.from(body.signature.value, "base64"),
      );
    expect(check(body.payload)).toBe(true);
    expect(check({ ...body.payload, accountId: "another" })).toBe(false);
    pages.push(body);
    cursor = body.payload.nextCursor;
  }
  expect(pages.flatMap(({ payload }) => payload.rows)).toMatchObject([
    { accountId: account, period: { end: at(2).toISOString() }, state: "drifted", figures: { stored: 4 } },
    { accountId: account, period: { end: at(3).toISOString() } },
  ]);
  expect(pages[1]?.payload.cursor).toBe(pages[0]?.payload.nextCursor);
  expect((await operate("GET", `/report?from=${at(2).toISOString()}&to=${at(1).toISOString()}`)).status).toBe(
    422,
  );
});

describe("the key that signs reports", () => {
  const report = () => operate("GET", `/report?from=${at(0).toISOString()}&to=${at(1).toISOString()}`);
  const rotate = () => operate("POST", "/report-keys");
  const keysOf = async (): Promise<{ id: string; publicKey: string; isCurrent: boolean }[]> =>
    (await gateway.request("GET", "/billing/report-keys")).body.keys;
  const isSigned = async ({ body }: Awaited<ReturnType<typeof report>>) => {
    const key = (await keysOf()).find(({ id }) => id === body.signature.keyId);
    const bytes = Buffer.from(canonical(body.payload));
    return verify(null, bytes, key?.publicKey ?? "", Buffer.from(body.signature.value, "base64"));
  };

  test("is encrypted where it is kept, and replaced; what it signed still verifies", async () => {
    const before = await report();
    const oldId = before.body.signature.keyId;
    const stored = () =>
      db.rows<{ id: string; text: string }>(
        "test",
        sql`select key_id as id, private_key as text from signing_keys order by created_at desc, key_id`,
      );
    expect((await stored()).find(({ id }) => id === oldId)?.text).toMatch(
      /^-----BEGIN ENCRYPTED PRIVATE KEY-----/,
    );

    const rotated = await rotate();
    expect(rotated).toMatchObject({ status: 201, body: { algorithm: "Ed25519", isCurrent: true } });
    expect(Object.keys(rotated.body)).not.toContain("privateKey");
    const after = await report();
    expect(after.body.signature.keyId).toBe(rotated.body.id);
    expect(rotated.body.id).not.toBe(oldId);
    expect([await isSigned(before), await isSigned(after)]).toEqual([true, true]);
    expect((await keysOf()).filter(({ isCurrent }) => isCurrent)).toMatchObject([{ id: rotated.body.id }]);
    expect((await stored()).find(({ id }) => id === oldId)?.text).toBe("");
    const audit = await gateway.request("GET", `/operator/audit?target=${rotated.body.id}`, {
      bearer: gateway.operatorKey,
    });
    expect(audit.body.data).toMatchObject([{ action: "report-key.rotated", detail: { replaced: oldId } }]);
  });

  test("of two that are made at the same time one signs", async () => {
    const made = await Promise.all([rotate(), rotate()]);
    expect(made.map(({ status }) => status)).toEqual([201, 201]);
    const [current, ...others] = (await keysOf()).filter(({ isCurrent }) => isCurrent);
    expect(others).toEqual([]);
    expect((await report()).body.signature.keyId).toBe(current?.id);
  });

  test("made with another secret it signs nothing until it is replaced", async () => {
    await report();
    const { privateKey } = generateKeyPairSync("ed25519", {
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "another" },
    });
    await db.run("test", sql`update signing_keys set private_key = ${privateKey}::text where is_current`);
    expect(await report()).toMatchObject({ status: 409, body: { code: "REPORT_KEY_LOCKED" } });
    expect((await rotate()).status).toBe(201);
    expect((await report()).status).toBe(200);
  });
});
