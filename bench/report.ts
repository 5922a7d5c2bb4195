import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import type { Redis } from "ioredis";
import type { Client } from "pg";
import type { RowResult } from "./row-result.ts";

/** The content of bench/results/latest.json. */
export interface BenchReport {
  rows: RowResult[];
  /** Rows that broke off, and why. */
  broken: { name: string; reason: string }[];
  machine: Record<string, string | number>;
  /** With "+" where the work tree holds changes. */
  commit: string;
  startedAt: string;
  isQuick: boolean;
}

/** What the figures were measured on. */
export async function describeMachine(sql: Client, redis: Redis): Promise<BenchReport["machine"]> {
  const setting = async (name: string) => {
    const { rows } = await sql.query<{ value: string }>("select current_setting($1) as value", [name]);
    return rows[0]?.value ?? "";
  };
  const info = await redis.info("server");
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${release()}`,
    node: process.version,
    postgres: await setting("server_version"),
    sharedBuffers: await setting("shared_buffers"),
    walLevel: await setting("wal_level"),
    redis: /(?:valkey|redis)_version:(\S+)/.exec(info)?.[1] ?? "unknown",
  };
}

export function readCommit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return `${git("rev-parse", "--short=12", "HEAD")}${git("status", "--porcelain") === "" ? "" : "+"}`;
  } catch {
    return "unknown"; // not a work tree
  }
}

const NONE = "–";
const whole = (value: number) => value.toLocaleString("en");
const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)}`;
const orNone = <T>(value: T | null | undefined, format: (value: T) => string) =>
  value === null || value === undefined ? NONE : format(value);

const PROCESSES = ["api", "aggregator", "redis", "postgres", "generator"] as const;

/** Headings, and what each row has under them. */
export type Columns<Row> = readonly (readonly [heading: string, cell: (row: Row) => string])[];

const columns: Columns<RowResult> = [
  ["row", ({ name }) => name],
  ["events/s", (row) => `${whole(row.eventsPerSecond)}${row.isSustained ? "" : " (backlog grew)"}`],
  ["of COPY", (row) => orNone(row.ratioToCopy, (ratio) => ratio.toFixed(2))],
  ["p50 ms", (row) => orNone(row.p50Ms, (ms) => ms.toFixed(1))],
  ["p99 ms", (row) => orNone(row.p99Ms, (ms) => ms.toFixed(1))],
  ["accepted", (row) => whole(row.accepted)],
  ["stored", (row) => whole(row.stored)],
  ["sent again", ({ retries }) => whole(Object.values(retries).reduce((sum, count) => sum + count, 0))],
  ["drain s", (row) => (row.drainMs / 1_000).toFixed(1)],
  [
    `µs of CPU an event: ${PROCESSES.join(" / ")}`,
    (row) =>
      PROCESSES.map((name) =>
        orNone(row.processes[name], (cost) => cost.cpuMicrosecondsPerEvent.toFixed(1)),
      ).join(" / "),
  ],
  [
    `peak MB: ${PROCESSES.join(" / ")}`,
    (row) =>
      PROCESSES.map((name) => orNone(row.processes[name], (cost) => megabytes(cost.residentBytesMax))).join(
        " / ",
      ),
  ],
  ["Redis B/event", (row) => whole(row.redisBytesPerEvent)],
  ["figures", (row) => (row.correct ? "right" : "WRONG")],
];

/** The rows as a table of Markdown, aligned so that it reads on a terminal too. */
export function renderTable<Row>(columns: Columns<Row>, rows: readonly Row[]): string {
  const lines = [
    columns.map(([heading]) => heading),
    ...rows.map((row) => columns.map(([, cell]) => cell(row))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const render = (line: readonly string[]) =>
    `| ${line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(" | ")} |`;
  const [headings = [], ...cells] = lines;
  const rule = `| ${widths.map((width, at) => (at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [render(headings), rule, ...cells.map(render)].join("\n");
}

/** A whole report in Markdown, with what it was measured on. */
export function renderMarkdown({ rows, broken, machine, commit, startedAt }: BenchReport): string {
  const on = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const seen = rows.flatMap(({ name, visibility }) =>
    visibility === null
      ? []
      : [
          `${name}: accepted to visible p50 ${orNone(visibility.visibleP50Ms, (ms) => ms.toFixed(1))} ms, p99 ` +
            `${orNone(visibility.visibleP99Ms, (ms) => ms.toFixed(1))} ms; to Postgres p50 ` +
            `${orNone(visibility.storedP50Ms, (ms) => ms.toFixed(0))} ms, p99 ` +
            `${orNone(visibility.storedP99Ms, (ms) => ms.toFixed(0))} ms (${visibility.probes} probes)`,
        ],
  );
  const left = broken.map(({ name, reason }) => `${name} broke off: ${reason}`);
  return [
    `Commit ${commit}, ${startedAt}. ${on.join(", ")}.`,
    "",
    renderTable(columns, rows),
    "",
    ...[...seen, ...left].map((line) => `- ${line}`),
  ]
    .join("\n")
    .trimEnd();
}
