import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runUsagePush } from "../src/cli/usage-push.ts";
import { acceptAll, type Asked, type Given, startGateway } from "./helpers.ts";

async function newFile(lines: readonly unknown[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "driftlock-push-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "usage.ndjson");
  await writeFile(
    path,
    lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"),
  );
  return path;
}

async function push(url: string, args: string[], stopping = new AbortController()) {
  const said = { out: "", err: "" };
  const code = await runUsagePush(args, {
    env: { url, apiKey: "dlk_test_key" },
    out: { write: (text) => (said.out += text) },
    err: { write: (text) => (said.err += text) },
    signal: stopping.signal,
  });
  return { code, ...said };
}

const events = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ metric: "events", quantity: n }));
const eventsOf = (asked: Asked[]) => asked.flatMap(({ body }) => body.events);

test("a file is sent in batches; an event without an id gets the same one each time", async () => {
  const path = await newFile([...events(5), "", { metric: "events", id: "mine", accountId: "other" }]);
  const { url, asked } = await startGateway(acceptAll);
  const first = await push(url, [path, "--batch", "2", "--account", "acme"]);
  expect(first).toMatchObject({ code: 0, out: '{"accepted":6,"duplicates":0,"refused":0}\n' });
  expect(first.err).toContain("100 %");
  const once = eventsOf(asked.splice(0));
  expect(once.map(({ quantity }) => quantity)).toEqual([0, 1, 2, 3, 4, undefined]);
  expect(once.map(({ accountId }) => accountId)).toEqual([...Array(5).fill("acme"), "other"]);
  expect(once.at(-1)?.id).toBe("mine");
  const line = '{"metric":"events","quantity":3}';
  expect(once[3]?.id).toBe(
    createHash("sha256").update(`usage.ndjson\n4\n${line}`).digest("hex").slice(0, 40),
  );
  await push(url, [path, "--account", "acme"]);
  expect(eventsOf(asked)).toEqual(once);
});

test("interrupted, it goes on behind what was answered, and what was under way is sent again", async () => {
  const path = await newFile(events(100));
  const stopping = new AbortController();
  let isStopped = false;
  const { url, asked } = await startGateway((request, place) => {
    if (place !== 5 || isStopped) return acceptAll(request);
    isStopped = true;
    stopping.abort();
    return null;
  });
  const args = [path, "--batch", "10", "--parallel", "1"];
  const interrupted = await push(url, args, stopping);
  expect(interrupted.code).toBe(130);
  expect(interrupted.err).toContain("goes on from line 51");
  const before = asked.splice(0).slice(0, 5);
  expect(await push(url, args)).toMatchObject({
    code: 0,
    out: '{"accepted":100,"duplicates":0,"refused":0}\n',
  });
  const all = [...eventsOf(before), ...eventsOf(asked)];
  expect(all.map(({ quantity }) => quantity)).toEqual(events(100).map(({ quantity }) => quantity));
  expect(existsSync(`${path}.push-state.json`)).toBe(false);
});

test("what is refused or cannot be read is kept with its reason, and the rest counts", async () => {
  const path = await newFile([{ metric: "events" }, "not JSON", "7", { metric: "nothing" }]);
  const { url, asked } = await startGateway(({ body }): Given => {
    const results = [
      { index: 1, id: body.events[1]?.id, outcome: "unknown-metric", code: "UNKNOWN_METRIC", detail: "no" },
    ];
    return { status: 202, body: { accepted: 1, duplicates: 0, rejected: 1, results } };
  });
  const result = await push(url, [path]);
  expect(result).toMatchObject({ code: 1, out: '{"accepted":1,"duplicates":0,"refused":3}\n' });
  expect(eventsOf(asked)).toHaveLength(2);
  const refused = readFileSync(`${path}.refused.ndjson`, "utf8").trim().split("\n");
  expect(refused.map((line) => JSON.parse(line) as object)).toMatchObject([
    { line: 2, outcome: "invalid", event: "not JSON" },
    { line: 3, outcome: "invalid", event: "7" },
    { line: 4, outcome: "unknown-metric", event: { metric: "nothing" } },
  ]);
});

test("a key that is refused ends it and keeps the state; a wrong call says what is wrong", async () => {
  const path = await newFile(events(3));
  const { url } = await startGateway(() => ({ status: 401, body: { code: "UNAUTHENTICATED" } }));
  expect(await push(url, [path])).toMatchObject({ code: 2, out: "" });
  expect(await push(url, [])).toMatchObject({ code: 64 });
  expect((await push(url, ["nowhere.ndjson"])).err).toContain("There is no file nowhere.ndjson");
  expect((await push(url, [path, "--batch", "0"])).err).toContain("--batch");
  expect((await push("nonsense", [path])).err).toContain("no URL");
  expect(await push("file:///tmp", [path])).toMatchObject({
    code: 64,
    err: expect.stringContaining("no HTTP URL"),
  });
});

test("a file that grew is pushed again: the lines of before are the same events", async () => {
  const path = await newFile(events(3));
  const { url, asked } = await startGateway(acceptAll);
  await push(url, [path]);
  const before = eventsOf(asked.splice(0));
  await appendFile(path, '\n{"metric":"events","quantity":3}\n');
  await push(url, [path]);
  expect(eventsOf(asked).slice(0, 3)).toEqual(before);
  expect(eventsOf(asked)).toHaveLength(4);
});
