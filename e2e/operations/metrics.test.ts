import { readFile } from "node:fs/promises";
import { expect, inject, test } from "vitest";

const processes = Object.entries(inject("opsUrls"));

/** The runbook's table: for each metric its labels and the process that serves it. */
async function listed(): Promise<{ name: string; labels: string[]; process: string }[]> {
  const page = await readFile(new URL("../../docs/runbooks/run-it-for-real.md", import.meta.url), "utf8");
  return [...page.matchAll(/^\| `(driftlock_\w+)(?:\{([\w,]+)\})?` \| ([\w-]+) \|/gm)].map(
    ([, name = "", labels = "", process = ""]) => ({
      name,
      labels: labels === "" ? [] : labels.split(","),
      process,
    }),
  );
}

/** What a process serves, each with the labels of its samples; null where it has none yet. */
async function served(url: string): Promise<Map<string, string[] | null>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const names = [...text.matchAll(/^# TYPE (driftlock_\w+) /gm)].map(([, name = ""]) => name);
  return new Map(
    names.map((name) => {
      const sample = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, "m").exec(text)?.[1];
      const labels = [...(sample ?? "").matchAll(/(\w+)="/g)].map(([, label = ""]) => label);
      return [
        name,
        sample === undefined ? null : labels.filter((each) => each !== "le" && each !== "process"),
      ];
    }),
  );
}

test.each(processes)("%s serves the metrics that the runbook lists, and no others", async (process, url) => {
  const rows = (await listed()).filter((row) => row.process === process);
  expect(rows).not.toEqual([]);
  const found = await served(url);
  expect([...found.keys()].sort()).toEqual(rows.map(({ name }) => name).sort());
  for (const { name, labels } of rows) {
    const ofSample = found.get(name);
    if (ofSample) expect({ name, labels: ofSample.sort() }).toEqual({ name, labels: labels.toSorted() });
  }
});

test("every row of the list is of a process that there is", async () => {
  const known = processes.map(([name]) => name);
  expect((await listed()).filter(({ process }) => !known.includes(process))).toEqual([]);
});

test.each(processes)(
  "%s says that it lives and that it is ready, and nothing else",
  async (_process, url) => {
    const live = await fetch(`${url}/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: "live" }]);
    const ready = await fetch(`${url}/health/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { status: "ready", checks: { process: { ok: true }, redis: { ok: true } } },
    ]);
    expect((await fetch(`${url}/anything`)).status).toBe(404);
  },
);
