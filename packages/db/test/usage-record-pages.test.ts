import { createTestDatabase } from "@driftlock/devkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDb, type Db, sql, usageGenerations, usageIndexes, usageRecordPages } from "../src/index.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Db;

async function pages(filter: { metric?: string; from?: string; to?: string; scanMax?: number }) {
  const { metric = null, from = "2026-01-01", to = "2027-01-01", scanMax = 3 } = filter;
  const wanted = { accountId: "a", metric, from: new Date(from), to: new Date(to) };
  const throughId = (await usageRecordPages.findLastId(db, "a"))?.id ?? "";
  const read: string[][] = [];
  for (let afterId: string | null = null; afterId !== throughId; ) {
    const page: Awaited<ReturnType<typeof usageRecordPages.listPage>> = await usageRecordPages.listPage(
      db,
      wanted,
      {
        afterId,
        throughId,
        scanMax,
      },
    );
    if (page.lastId === null) break;
    afterId = page.lastId;
    read.push(page.rows.map(({ id }) => id));
  }
  return read;
}

describe.each([
  ["all have their index", [1, 2]],
  ["the newer has no index yet", [1]],
  ["neither has", []],
] as const)("records of two generations, of which %s", (_name, indexed) => {
  beforeAll(async () => {
    database = await createTestDatabase();
    db = createDb({ connectionString: database.url, applicationName: "test", connectionsMax: 2 });
    await db.transaction((tx) => usageGenerations.rotate(tx, 1, new Date()));
    const insert = (
      generation: number,
      account: string,
      { ids, metric, day }: { ids: string[]; metric: string; day: number },
    ) =>
      db.run("test", {
        text: `insert into usage_records (generation, account_id, event_id, metric, quantity, occurred_at, received_at)
          select $5, $1, id, $2, 1, $3, $3 from unnest($4::text[]) id`,
        values: [account, metric, new Date(Date.UTC(2026, 2, day)), ids, generation],
      });
    await insert(1, "a", { ids: ["A", "c", "é", "Z"], metric: "events", day: 1 });
    await insert(2, "a", { ids: ["B", "a", "🦊"], metric: "alerts", day: 2 });
    await insert(2, "b", { ids: ["0", "zz"], metric: "events", day: 1 });
    for (const generation of indexed) await usageIndexes.makeIndex(db, generation);
  });
  afterAll(async () => {
    await db.end();
    await database.drop();
  });

  test("come in the order of their ids by bytes, each once, and of one account", async () => {
    expect(await pages({})).toEqual([["A", "B", "Z"], ["a", "c", "é"], ["🦊"]]);
  });

  test("a page in which nothing matches leads on to the next", async () => {
    expect(await pages({ metric: "events", scanMax: 1 })).toEqual([["A"], [], ["Z"], [], ["c"], ["é"], []]);
    expect(await pages({ metric: "nothing" })).toEqual([[], [], []]);
  });

  test("the range is half open, to the millisecond", async () => {
    const found = async (from: string, to: string) => (await pages({ from, to, scanMax: 10 })).flat().length;
    expect(await found("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")).toBe(4);
    expect(await found("2026-03-01T00:00:00.001Z", "2026-03-02T00:00:00.001Z")).toBe(3);
  });

  if (indexed.length === 2)
    test("the index is read in order: nothing is sorted", async () => {
      const plan = await db.transaction(async (tx) => {
        await tx.client.query("set local enable_seqscan = off; set local enable_bitmapscan = off");
        return tx.rows<{ "QUERY PLAN": string }>(
          "test",
          sql`explain select event_id, quantity from usage_records where account_id = 'a' and event_id > 'x' order by event_id limit 10`,
        );
      });
      expect(plan.map((row) => row["QUERY PLAN"]).join("\n")).not.toContain("Sort  (");
    });
});
