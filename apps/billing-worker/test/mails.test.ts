import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type Db, noticeMails, sql } from "@driftlock/db";
import { Secret } from "@driftlock/runtime";
import { SMTPServer } from "smtp-server";
import { expect, onTestFinished, test } from "vitest";
import { createMailer } from "../src/notices/create-mailer.ts";
import { insertNotice } from "../src/notices/insert-notice.ts";
import { mailedTypes } from "../src/notices/mail-text.ts";
import { createSendNoticeMail } from "../src/notices/send-notice-mail.ts";
import { at, openAccount, openDatabase } from "./helpers.ts";
import { log } from "./world.ts";

const opened = at("2026-01-05T00:00:00");
const failed = {
  invoiceId: "in_1",
  number: "A-1",
  totalMinor: 2900,
  amountRemainingMinor: 2900,
  currency: "usd",
  hostedUrl: "https://invoice.stripe.test/in_1",
};

/** A mail server that answers each mail as it is told, the last answer for ever; 250 takes it. */
async function openMailServer(answers: number[]) {
  const received: { to: string[]; content: string }[] = [];
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ["STARTTLS"],
    onAuth: ({ username, password }, _session, done) =>
      username === "mailer" && password === "p@ss" ? done(null, { user: username }) : done(new Error("no")),
    onData: (stream, { envelope }, done) => {
      let content = "";
      stream.setEncoding("utf8").on("data", (part: string) => (content += part));
      stream.on("end", () => {
        const code = (answers.length > 1 ? answers.shift() : answers[0]) ?? 250;
        if (code === 250) received.push({ to: envelope.rcptTo.map(({ address }) => address), content });
        done(code === 250 ? null : Object.assign(new Error("not now"), { responseCode: code }));
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  onTestFinished(() => new Promise<void>((done) => server.close(() => done())));
  return { received, url: `smtp://mailer:p%40ss@127.0.0.1:${(server.server.address() as AddressInfo).port}` };
}

async function openMails(answers: number[] = [250]) {
  const world = await openDatabase(opened);
  onTestFinished(() => world[Symbol.asyncDispose]());
  const { db } = world;
  for (const accountId of ["acme", "silent"]) await openAccount(db, accountId, opened);
  await db.run("test.email", sql`update accounts set email = 'owner@acme.test' where account_id = 'acme'`);
  const server = await openMailServer(answers);
  const mailer = createMailer({ url: new Secret(server.url), from: "DriftLock <billing@driftlock.test>" });
  onTestFinished(() => mailer.close());
  const wall = { ms: Date.now() };
  const wallClock = { now: () => new Date(wall.ms) };
  const counted: string[] = [];
  const count = (channel: string, outcome: string) => void counted.push(`${channel} ${outcome}`);
  const send = createSendNoticeMail({ db, wallClock, send: mailer.send, count });
  return {
    db,
    wall,
    counted,
    received: server.received,
    tell: (
      type: Parameters<typeof insertNotice>[1]["type"],
      {
        accountId = "acme",
        key = type as string,
        now = opened,
        data = failed as Record<string, unknown>,
      } = {},
    ) => db.transaction((tx) => insertNotice(tx, { accountId, type, dedupeKey: key, data, now })),
    /** What the tick and its jobs do. @returns how many were due. */
    sendDue: async () => {
      const since = new Date(opened.getTime() - 3 * 86_400_000);
      await noticeMails.insertDueMails(db, { types: mailedTypes, since });
      const due = await noticeMails.claimDueMails(db, wallClock.now(), 10);
      for (const noticeId of due) await send(noticeId, { log });
      return due.length;
    },
  };
}

const states = async (db: Db) =>
  (await db.rows<{ state: string }>("test.mails", sql`select state from notice_mails`)).map(
    ({ state }) => state,
  );

const header = (content: string, name: string) =>
  new RegExp(`^${name}: (.*(?:\\r?\\n[ \\t].*)*)`, "mi").exec(content)?.[1];

test("what a person should read is mailed once, with its way out; the rest is for machines", async () => {
  const { db, received, tell, sendDue, counted } = await openMails();
  await tell("invoice.payment_failed");
  await tell("period.reset");
  await tell("invoice.payment_failed", { accountId: "silent", key: "silent" });
  await tell("invoice.payment_failed", { key: "old", now: at("2026-01-01T23:59:59") });
  // Paid, without a failure before.
  await tell("invoice.paid", { data: { ...failed, invoiceId: "in_2" } });
  expect(await sendDue()).toBe(1);
  expect(await sendDue()).toBe(0);
  const [mail] = received;
  expect(mail?.to).toEqual(["owner@acme.test"]);
  expect(header(mail?.content ?? "", "From")).toBe("DriftLock <billing@driftlock.test>");
  expect(header(mail?.content ?? "", "Subject")).toBe("We could not collect $29.00");
  expect(header(mail?.content ?? "", "Content-Type")).toContain("text/plain");
  expect(header(mail?.content ?? "", "Auto-Submitted")).toBe("auto-generated");
  expect(header(mail?.content ?? "", "Message-ID")).toMatch(/^<ntc_[\w-]+@driftlock\.test>$/);
  expect(mail?.content).toContain("https://invoice.stripe.test/in_1");
  expect(await states(db)).toEqual(["sent"]);
  expect(counted).toEqual(["mail delivered"]);
});

test("what the server cannot take is sent later, in order and under the same Message-ID; what it never takes is given up", async () => {
  const { db, wall, received, tell, sendDue, counted } = await openMails([451, 250, 250, 550]);
  await tell("invoice.payment_failed");
  await tell("invoice.payment_action_required");
  expect(await sendDue()).toBe(1);
  expect(await sendDue()).toBe(0);
  wall.ms += 5_000;
  expect(await sendDue()).toBe(1);
  expect(await sendDue()).toBe(1);
  expect(received.map(({ content }) => header(content, "Subject"))).toEqual([
    "We could not collect $29.00",
    "Please confirm a payment of $29.00",
  ]);
  await tell("subscription.ended", { data: { subscriptionId: "sub_1", planId: "pro" } });
  expect(await sendDue()).toBe(1);
  wall.ms += 24 * 3_600_000;
  expect(await sendDue()).toBe(0);
  expect((await states(db)).toSorted()).toEqual(["failed", "sent", "sent"]);
  expect(counted).toEqual(["mail failed", "mail delivered", "mail delivered", "mail given-up"]);
});
