import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { createLogger, followedClock } from "../src/index.ts";

const eventually = <T>(fact: () => T) => vi.waitFor(fact, { timeout: 10_000 });
const log = createLogger({ name: "test", level: "silent" });
const open: (() => unknown)[] = [];

afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

/** A clock that its test moves: long polls wait for the next move. */
async function clockServer() {
  const state = { offsetMs: 0, version: 1, status: 200, reports: [] as unknown[] };
  const polls = new Set<() => void>();
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "", "http://clock");
    if (request.method === "PUT") {
      request
        .setEncoding("utf8")
        .on("data", (body: string) => state.reports.push([url.pathname, JSON.parse(body)]));
      request.on("end", () => response.writeHead(204).end());
      return;
    }
    const answer = () =>
      response.writeHead(state.status).end(JSON.stringify({ ...state, nowMs: 0, status: "ready" }));
    if (state.status === 200 && url.searchParams.get("version") === String(state.version)) polls.add(answer);
    else answer();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  const move = (change: Partial<typeof state>) => {
    Object.assign(state, change);
    for (const answer of polls) answer();
    polls.clear();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/_sim/clock`, state, move };
}

function follow(url: string) {
  const abort = new AbortController();
  open.push(() => abort.abort());
  return followedClock({ url, name: "billing-worker", log, signal: abort.signal });
}

const aheadMs = (now: Date) => Math.round((now.getTime() - Date.now()) / 1_000) * 1_000;

test("a move of the clock is followed at once", async () => {
  const { url, move } = await clockServer();
  const clock = await follow(url);
  let jumps = 0;
  clock.onMoved(() => (jumps += 1));
  expect(aheadMs(clock.now())).toBe(0);
  move({ offsetMs: 86_400_000, version: 2 });
  await eventually(() => expect(aheadMs(clock.now())).toBe(86_400_000));
  expect(jumps).toBe(1);
});

test("the first reading is waited for; a clock lost later leaves its offset, and found again is followed again", async () => {
  const { url, state, move } = await clockServer();
  Object.assign(state, { status: 503, offsetMs: 5_000 });
  const following = follow(url);
  move({ status: 200 });
  const clock = await following;
  expect(aheadMs(clock.now())).toBe(5_000);
  move({ status: 503, version: 2, offsetMs: 9_000 });
  expect(aheadMs(clock.now())).toBe(5_000);
  move({ status: 200 });
  await eventually(() => expect(aheadMs(clock.now())).toBe(9_000));
});

test("progress is reported under the participant's name, and a failure to report harms nobody", async () => {
  const { url, state } = await clockServer();
  const clock = await follow(url);
  const progress = { caughtUpToMs: 1, nextDueAtMs: null };
  await clock.report(progress);
  expect(state.reports).toEqual([["/_sim/clock/participants/billing-worker", progress]]);
  open
    .splice(0)
    .reverse()
    .map((close) => close());
  await expect(clock.report(progress)).resolves.toBeUndefined();
});

test("stopping before the first reading ends the wait", async () => {
  const abort = new AbortController();
  const following = followedClock({ url: "http://127.0.0.1:1", name: "x", log, signal: abort.signal });
  abort.abort(new Error("stopping"));
  await expect(following).rejects.toThrow("stopping");
});
