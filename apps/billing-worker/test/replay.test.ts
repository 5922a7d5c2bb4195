import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accounts, openScratchDatabases, sql } from "@driftlock/db";
import { readEnv } from "@driftlock/runtime";
import { expect, onTestFinished, test } from "vitest";
import { runReplay } from "../src/commands/run-replay.ts";
import { SetupEnv } from "../src/env.ts";
import { openWorld } from "./world.ts";

const dayMs = 86_400_000;

/** An account with a story of two months, as the worker recorded it, and the command line beside it. */
async function openStory() {
  const world = await openWorld();
  const { db, stripe, simulator, databaseUrl } = world;
  await world.openAccount("acme");
  await world.openAccount("other");
  const customer = await world.createCustomer("acme");
  await accounts.updateAccountCustomer(db, "acme", customer);
  const worker = await world.startWorker();
  const subscription = await world.subscribe("acme", customer);
  const attached = await stripe.paymentMethods.attach("pm_card_mastercard", { customer });
  await stripe.customers.update(customer, { invoice_settings: { default_payment_method: attached.id } });
  const [charge] = (await stripe.charges.list({ customer })).data;
  await stripe.refunds.create({ charge: charge?.id ?? "", amount: 500 });
  const { testClockId } = simulator;
  await world.addFault({ kind: "no-holding" });
  const take = async () => {
    await world.deliver(await world.history());
    await world.settle();
  };
  await take();
  for (const days of [32, 64]) {
    await stripe.testHelpers.testClocks.advance(testClockId, {
      frozen_time: Math.ceil((Date.now() + days * dayMs) / 1_000),
    });
    await expect
      .poll(async () => (await stripe.testHelpers.testClocks.retrieve(testClockId)).status, {
        timeout: 30_000,
      })
      .toBe("ready");
    await take();
  }
  await stripe.subscriptions.update(subscription, { cancel_at_period_end: true });
  await take();
  await worker.close();
  const shell = async (args: string) => {
    const { env } = readEnv(SetupEnv, {
      DRIFTLOCK_MODE: "simulator",
      DATABASE_URL: databaseUrl,
      STRIPE_SECRET_KEY: "sk_test_world",
      STRIPE_API_URL: simulator.url,
      STRIPE_READS_PER_SECOND: "1000",
      BUSINESS_CLOCK_URL: `${simulator.url}/_sim/clock`,
    });
    if (env === undefined) throw new Error("the environment is not right");
    const said = { out: "", err: "" };
    const code = await runReplay(args.split(" "), {
      stdout: { write: (text) => (said.out += text) },
      stderr: { write: (text) => (said.err += text) },
      setup: env,
    });
    return { code, ...said };
  };
  /** Databases of replays that are left. */
  const leftovers = () =>
    world.rows<{ datname: string }>(sql`select datname from pg_database where starts_with(datname,
      'driftlock_replay_' || (select oid from pg_database where datname = current_database()) || '_')`);
  return { ...world, customer, subscription, shell, leftovers };
}

test("a recorded history comes to the same in any order, Stripe is only read, and nothing is left", {
  timeout: 300_000,
}, async () => {
  const { shell, leftovers, customer, history, stripe, rows } = await openStory();
  const eventsBefore = (await history()).length;
  const { code, out, err } = await shell("replay --account acme --shuffle --times 3 --seed 7");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^acme: \d\d+ events, shuffled, seed 7\n/);
  for (const line of ["account +1", "standing +1", "subscription +1", "invoice +3", "payment method +2"])
    expect(out).toMatch(new RegExp(`^${line} +0$`, "m"));
  expect(out).toMatch(/^refunded charge +1 +0$/m);
  expect(out).toMatch(/not compared, since only acts of ours make it: usage/);
  expect(out).toMatch(/\n3 replays, 0 diverged\n$/);
  expect((await shell(`replay --customer ${customer}`)).out).toMatch(
    /in their order\n.*\n1 replays, 0 diverged\n$/s,
  );

  const folder = await mkdtemp(join(tmpdir(), "driftlock-replay-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  // Of the last 30 days.
  const events = (await stripe.events.list({ limit: 100 })).data.reverse();
  for (const text of [
    JSON.stringify(events),
    JSON.stringify({ object: "list", data: events }),
    events.map((event) => JSON.stringify(event)).join("\n"),
  ]) {
    await writeFile(join(folder, "events"), text);
    const told = await shell(`replay --file ${join(folder, "events")} --shuffle --times 1 --seed 3 --json`);
    expect(told.err).toBe("");
    expect(JSON.parse(told.out)).toMatchObject({
      ...{ accounts: ["acme"], events: events.length, seed: 3, replays: 1, diverged: 0 },
      results: [{ agreed: { subscription: 1, invoice: expect.any(Number) }, differences: [] }],
    });
  }
  expect((await history()).length).toBe(eventsBefore);
  expect(await leftovers()).toEqual([]);
  expect(await rows(sql`select 1 from dunning_cases`)).toEqual([]);
});

test("what is otherwise here is told field by field, with the replays that have it", {
  timeout: 300_000,
}, async () => {
  const { db, shell, subscription, rows } = await openStory();
  const [invoice] = await rows<{ id: string }>(
    sql`select invoice_id as id from invoices order by created_at limit 1`,
  );
  await db.run("test", sql`update user_subscriptions set status = 'past_due', plan_id = 'business'`);
  await db.run("test", sql`delete from invoices where invoice_id = ${invoice?.id}::text`);
  await db.run(
    "test",
    sql`insert into payment_methods (payment_method_id, account_id, fetch_sequence) values ('pm_planted', 'acme', 1)`,
  );
  const { code, out } = await shell("replay --account acme --shuffle --times 2 --seed 1");
  expect(code).toBe(1);
  expect(out).toContain(
    `\nsubscription ${subscription}: plan_id is business, by the events pro; status is past_due, by the events active\n`,
  );
  expect(out).toContain(`\ninvoice ${invoice?.id}: it is missing here\n`);
  expect(out).toContain("\npayment method pm_planted: it is here, and no event leads to it\n");
  expect(out).toMatch(
    /^standing acme: payment_state is past_due, by the events ok; plan is business v1, by the events pro v1$/m,
  );
  expect(out).toMatch(/\n2 replays, 2 diverged\n$/);
  const told = JSON.parse((await shell("replay --account acme --json")).out) as {
    diverged: number;
    results: { differences: object[] }[];
  };
  expect(told.diverged).toBe(1);
  expect(told.results[0]?.differences).toContainEqual({
    ...{ kind: "invoice", id: invoice?.id, accountId: "acme", what: "it is missing here" },
  });
});

test("a wrong command line, and what is in the way, are told; what a killed replay left is dropped", {
  timeout: 300_000,
}, async () => {
  const { db, databaseUrl, shell, leftovers, simulator } = await openStory();
  for (const [args, fault] of [
    ["replay", "say one of --account, --customer and --file"],
    ["replay --account acme --customer cus_1", "say one of"],
    ["replay --account acme --seed 3", "--times and --seed go with --shuffle"],
    ["replay --account acme --shuffle --times 0", "--times takes a number from 1 to 1000"],
    ["replay --account acme --shuffle --seed x", "--seed takes a whole number"],
    ["replay acme", '"acme" is not understood'],
    ["replay --fast", "Unknown option '--fast'"],
  ] as const)
    expect(await shell(args)).toEqual({
      ...{ code: 64, out: "" },
      err: expect.stringMatching(new RegExp(`^${fault}[\\s\\S]*\n\ndriftlock replay --account ID`)),
    });
  const file = join(tmpdir(), `driftlock-replay-${process.pid}.json`);
  onTestFinished(() => rm(file, { force: true }));
  await writeFile(file, '{"id":"evt_1"}\nno json');
  for (const [args, fault] of [
    ["replay --account nobody", "there is no account nobody"],
    ["replay --account other", "no event is recorded of the account other"],
    ["replay --customer cus_none", "no account has, or had, the customer cus_none"],
    ["replay --file none.json", "the file cannot be read: "],
    [`replay --file ${file}`, "line 2 of the file is no JSON"],
  ] as const)
    expect(await shell(args)).toEqual({
      ...{ code: 1, out: "" },
      err: expect.stringMatching(new RegExp(`^${fault}.*\nnothing was replayed\n$`)),
    });

  const other = await openScratchDatabases(databaseUrl, "replay");
  expect((await shell("replay --account acme")).err).toMatch(/^another replay is under way/);
  await other.close();
  const [prefix] = await db.rows<{ name: string }>(
    "test",
    sql`select 'driftlock_replay_' || oid || '_' as name from pg_database where datname = current_database()`,
  );
  await db.run("test", { text: `create database ${prefix?.name}killed template template0`, values: [] });
  expect((await shell("replay --account acme")).code).toBe(0);
  expect(await leftovers()).toEqual([]);
  await simulator.close();
  const away = await shell("replay --account acme");
  expect(away).toMatchObject({ code: 1, err: expect.stringContaining("Stripe cannot be reached") });
});
