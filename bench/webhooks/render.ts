import { type Columns, renderTable } from "../report.ts";
import type { WebhookReport } from "./bench-webhooks.ts";
import type { WebhookRow } from "./row.ts";

const PROCESSES = ["ingester", "worker", "redis", "postgres", "generator"] as const;
const NONE = "–";
const number = (value: number | null) => value?.toLocaleString("en") ?? NONE;

const columns: Columns<WebhookRow> = [
  ["row", ({ name }) => name],
  ["events", ({ events }) => number(events)],
  ["accepted/s", (row) => number(row.acceptedPerSecond)],
  ["p50 ms", (row) => number(row.p50Ms)],
  ["p99 ms", (row) => number(row.p99Ms)],
  ["recorded/s", (row) => number(row.recordedPerSecond)],
  ["converged s", (row) => number(row.convergedSeconds)],
  ["fetches", (row) => number(row.fetches)],
  ["most a second", (row) => number(row.fetchesPerSecondMax)],
  [
    `µs of CPU an event: ${PROCESSES.join(" / ")}`,
    ({ processes }) =>
      PROCESSES.map((name) => processes[name]?.cpuMicrosecondsPerEvent.toFixed(0) ?? NONE).join(" / "),
  ],
  ["figures", ({ correct }) => (correct ? "right" : "WRONG")],
];

/** A report in Markdown: the rows, what they are, and how far ahead of the peer ours are. */
export function renderWebhooks({ rows, machine, commit, startedAt }: WebhookReport): string {
  const on = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const rateOf = (wanted: string) => rows.find(({ name }) => name === wanted)?.recordedPerSecond ?? null;
  const peer = rateOf("peer");
  const ahead = ["record", "burst"].flatMap((name) => {
    const rate = rateOf(name);
    return rate === null || peer === null
      ? []
      : [`- ${name}: ${(rate / peer).toFixed(1)} times the peer's rate`];
  });
  return [
    `Commit ${commit}, ${startedAt}. ${on.join(", ")}.`,
    "",
    renderTable(columns, rows),
    "",
    ...rows.map(({ name, what }) => `- ${name}: ${what}`),
    ...ahead,
  ].join("\n");
}
