import { createTestDatabase } from "@driftlock/devkit";
import { accounts, createDb, seedCatalog, sql } from "@driftlock/db";
import { initialFreePeriods } from "@driftlock/domain";
import Fastify from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { expect, test } from "vitest";
import { authPlugin } from "../../src/plugins/auth.ts";
import { usageExportRoutes } from "../../src/rest/usage-export.ts";
import { createCatalogCache } from "../../src/usage/catalog-cache.ts";
import { createExportUsage } from "../../src/use-cases/export-usage.ts";
import type { Gateway } from "../helpers.ts";
import { openFileGateway } from "../open-file-gateway.ts";

const manyRecords = 40_000;
const gateway = await openFileGateway();
const account = await gateway.openAccount();
const key = await gateway.addKey(["billing:read"], account);

const range = "from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z";
const read = (query: string, bearer = key) =>
  gateway.request("GET", `/billing/usage/export?${query}`, { bearer });

interface Stored {
  id: string;
  metric?: string;
  at?: string;
  properties?: object | null;
}

const insert = (
  db: Gateway["db"],
  { id, metric = "events", at = "2026-03-01T12:00:00.5Z", properties = null }: Stored,
) =>
  db.run(
    "test",
    sql`insert into usage_records (generation, account_id, event_id, metric, quantity, occurred_at, received_at, properties)
      values (1, ${account}::text, ${id}::text, ${metric}::text, 3, ${at}::timestamptz, '2026-03-05Z',
        ${properties && JSON.stringify(properties)}::jsonb)`,
  );

const insertMany = (db: Gateway["db"], accountId: string) =>
  db.run(
    "test",
    sql`insert into usage_records (generation, account_id, event_id, metric, quantity, occurred_at, received_at, properties)
      select 1, ${accountId}::text, md5(n::text), 'events', 1, '2026-03-01T12:00:00Z', '2026-03-01T12:00:00Z',
        jsonb_build_object('note', repeat('x', 100))
      from generate_series(1, ${manyRecords}::int) n`,
  );

test("records in the order of their ids by bytes, as CSV that no spreadsheet runs, and as they are", async () => {
  const properties = { note: 'a "quoted", text', n: 1.5 };
  const records: Stored[] = [
    { id: "=HYPERLINK(1)", properties },
    { id: "'quoted" },
    { id: "-1" },
    { id: "@x,y" },
    { id: 'say "hi"' },
    { id: "é🦊" },
    { id: "Z", metric: "alerts" },
    { id: "at-start", at: "2026-03-01T00:00:00Z" },
    { id: "at-end", at: "2026-03-02T00:00:00Z" },
    { id: "before", at: "2026-02-28T23:59:59.999Z" },
  ];
  for (const record of records) await insert(gateway.db, record);
  const csv = await read(`metric=events&${range}`);
  expect(csv.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
  expect(csv.headers.get("content-disposition")).toBe(
    `attachment; filename="usage-${account}-events-2026-03-01-2026-03-02.csv"`,
  );
  const rest = "events,3,2026-03-01T12:00:00.500Z,2026-03-05T00:00:00.000Z,";
  expect(csv.body.split("\r\n")).toEqual([
    "id,metric,quantity,timestamp,receivedAt,properties",
    `''quoted,${rest}`,
    `'-1,${rest}`,
    `'=HYPERLINK(1),${rest}"{""n"": 1.5, ""note"": ""a \\""quoted\\"", text""}"`,
    `"'@x,y",${rest}`,
    `at-start,events,3,2026-03-01T00:00:00.000Z,2026-03-05T00:00:00.000Z,`,
    `"say ""hi""",${rest}`,
    `é🦊,${rest}`,
    "",
  ]);
  const ndjson = await read(`format=ndjson&${range}`);
  expect(ndjson.headers.get("content-type")).toBe("application/x-ndjson");
  const lines = String(ndjson.body)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: string });
  expect(lines.map(({ id }) => id)).toEqual([
    "'quoted",
    "-1",
    "=HYPERLINK(1)",
    "@x,y",
    "Z",
    "at-start",
    'say "hi"',
    "é🦊",
  ]);
  expect(lines[2]).toEqual({
    id: "=HYPERLINK(1)",
    metric: "events",
    quantity: 3,
    timestamp: "2026-03-01T12:00:00.500Z",
    receivedAt: "2026-03-05T00:00:00.000Z",
    properties,
  });
  expect((await read(`accountId=${account}&${range}`, gateway.serviceKey)).body.split("\r\n")).toHaveLength(
    10,
  );
});

test("an account without records has a file without lines", async () => {
  const empty = await gateway.openAccount();
  const of = (format: string) => read(`accountId=${empty}&format=${format}`, gateway.serviceKey);
  expect(await of("csv")).toMatchObject({
    status: 200,
    body: "id,metric,quantity,timestamp,receivedAt,properties\r\n",
  });
  expect(await of("ndjson")).toMatchObject({ status: 200, body: "" });
});

test.each([
  ["metric=nothing", 422, "UNKNOWN_METRIC"],
  ["format=xml", 422, "INVALID"],
  ["from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", 422, "INVALID"],
  ["from=yesterday", 422, "INVALID"],
  ["accountId=nobody", 404, "ACCOUNT_NOT_FOUND"],
])("%s is %i %s, as a problem", async (query, status, code) => {
  expect(await read(query)).toMatchObject({ status, body: { code } });
});

test("many records come each once; a failure in the middle is no clean end", async () => {
  const large = await gateway.openAccount();
  await insertMany(gateway.db, large);
  const start = () =>
    fetch(`${gateway.url}/billing/usage/export?accountId=${large}&format=ndjson&${range}`, {
      headers: { authorization: `Bearer ${gateway.serviceKey}` },
    });
  const ids = (await (await start()).text()).trimEnd().split("\n");
  expect(new Set(ids).size).toBe(manyRecords);

  const broken = await start();
  const reader = broken.body!.getReader();
  expect(broken.status).toBe(200);
  expect((await reader.read()).done).toBe(false);
  await gateway.db.run("test", sql`alter table usage_records rename to usage_records_away`);
  const readOn = async () => {
    while (!(await reader.read()).done);
  };
  await expect(readOn()).rejects.toThrow();
  await gateway.db.run("test", sql`alter table usage_records_away rename to usage_records`);
});

test("who goes away is not read for any longer", async () => {
  const database = await createTestDatabase();
  let pages = 0;
  const db = createDb({
    connectionString: database.url,
    applicationName: "test",
    onQuery: (name) => void (name === "usageRecordPages.list" && pages++),
  });
  const now = new Date("2026-03-10T00:00:00Z");
  await seedCatalog(db, { mode: "simulator", usagePartitions: 4, now });
  const periods = initialFreePeriods(now);
  await accounts.insertAccount(db, {
    accountId: "a",
    name: null,
    email: null,
    now,
    freePlanVersion: 1,
    periods,
  });
  await insertMany(db, "a");
  const app = Fastify();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  const credential = {
    kind: "key",
    id: "k",
    scopes: new Set(["billing:read" as const]),
    accountId: "a",
  } as const;
  await app.register(authPlugin, { authenticate: async () => credential });
  const catalogCache = createCatalogCache({ db, wallNow: () => Date.now() });
  await app.register(
    usageExportRoutes({ exportUsage: createExportUsage({ db, clock: { now: () => now }, catalogCache }) }),
  );
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const leaving = new AbortController();
  const response = await fetch(`${url}/billing/usage/export?${range}`, { signal: leaving.signal });
  await response.body!.getReader().read();
  leaving.abort();
  // Waits for what is under way.
  await app.close();
  expect(pages).toBeLessThan(manyRecords / 1_000 / 2);
  await db.end();
  await database.drop();
});
