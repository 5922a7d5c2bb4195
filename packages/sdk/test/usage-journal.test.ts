import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createUsageClient } from "../src/index.ts";
import { openJournal } from "../src/usage-journal.ts";
import { acceptAll, startGateway } from "./helpers.ts";

const apiKey = "dlk_test_key";

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "driftlock-buffer-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}
const files = (folder: string) => readdirSync(folder).sort();

test("what a killed process recorded is sent by the next one, with the same ids, and then forgotten", async () => {
  const bufferFolder = await newFolder();
  const index = new URL("../src/index.ts", import.meta.url).href;
  const program = `
    import { createUsageClient } from ${JSON.stringify(index)};
    const never = () => new Promise(() => setTimeout(() => {}, 1e6));
    const client = createUsageClient({ url: "http://127.0.0.1", apiKey: "dlk_test_key", fetch: never, flushIntervalMs: 1,
      bufferFolder: ${JSON.stringify(bufferFolder)} });
    for (let n = 0; n < 1000; n++) client.record({ metric: "events", id: "e" + n, properties: { text: "ü".repeat(50) } });
    process.stdout.write("recorded");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");

  const { url, asked } = await startGateway(acceptAll);
  const client = createUsageClient({ url, apiKey, bufferFolder });
  await client.flush();
  const ids = asked.flatMap(({ body }) => body.events.map(({ id }) => id));
  expect(ids).toEqual(Array.from({ length: 1_000 }, (_, n) => `e${n}`));
  await client.close();
  expect(files(bufferFolder)).toEqual([]);
});

test("answered events are not sent again, those that are not stay in their order", async () => {
  const folder = await newFolder();
  const first = openJournal(folder);
  for (let n = 0; n < 5; n++) first.append(`{"id":"${n}"}`);
  first.answered(2);
  first.close();
  const second = openJournal(folder);
  expect(second.left).toEqual(['{"id":"2"}', '{"id":"3"}', '{"id":"4"}']);
  second.append('{"id":"5"}');
  second.answered(3);
  second.close();
  const third = openJournal(folder);
  expect(third.left).toEqual(['{"id":"5"}']);
  third.answered(1);
  third.close();
  expect(files(folder)).toEqual([]);
});

test("a line that was torn by a crash is dropped: its event was never taken", async () => {
  const folder = await newFolder();
  const first = openJournal(folder);
  first.append('{"id":"whole"}');
  first.close();
  appendFileSync(join(folder, "00000001.ndjson"), '{"id":"to');
  const second = openJournal(folder);
  expect(second.left).toEqual(['{"id":"whole"}']);
  second.close();
});

test("large buffers are kept in several files, which go as they are answered", async () => {
  const folder = await newFolder();
  const journal = openJournal(folder);
  const event = JSON.stringify({ id: "x", text: "x".repeat(15_000) });
  for (let n = 0; n < 1_500; n++) journal.append(event);
  expect(files(folder)).toEqual(["00000001.ndjson", "00000002.ndjson", "00000003.ndjson", "lock"]);
  journal.answered(600);
  expect(files(folder)).toEqual(["00000002.ndjson", "00000003.ndjson", "answered", "lock"]);
  journal.close();
  const again = openJournal(folder);
  expect(again.left).toHaveLength(900);
  again.close();
});

test("two producers cannot share a folder, and a dead one does not keep it", async () => {
  const folder = await newFolder();
  const options = { url: "http://127.0.0.1:9", apiKey, bufferFolder: folder };
  const client = createUsageClient(options);
  expect(() => createUsageClient(options)).toThrow(expect.objectContaining({ code: "BUFFER_IN_USE" }));
  await client.close();
  const dead = spawn(process.execPath, ["-e", ""]);
  await once(dead, "exit");
  writeFileSync(join(folder, "lock"), String(dead.pid));
  await createUsageClient(options).close();
  // A container's process has the same id each time.
  writeFileSync(join(folder, "lock"), String(process.pid));
  await createUsageClient(options).close();
});
