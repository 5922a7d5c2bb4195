import { expect, test } from "vitest";
import { parseRetryAfter, retryDelayMs } from "./retry-delay.ts";

test("delays double up to 30 s, half of each at random", () => {
  expect([0, 1, 2, 20].map((attempt) => retryDelayMs(attempt, 0, 0))).toEqual([50, 100, 200, 15_000]);
  expect(retryDelayMs(20, 1, 0)).toBe(30_000);
});

test("never before the instant that the gateway asked for", () => {
  expect(retryDelayMs(0, 0, 2_000)).toBe(2_000);
  expect(retryDelayMs(0, 0.5, 2_000)).toBe(2_025);
});

test("Retry-After in seconds, as a date, absent, past or unreadable", () => {
  const nowMs = Date.parse("2026-01-01T00:00:00Z");
  expect(parseRetryAfter("3", nowMs)).toBe(3_000);
  expect(parseRetryAfter("Thu, 01 Jan 2026 00:00:05 GMT", nowMs)).toBe(5_000);
  for (const header of [null, "soon", "Wed, 31 Dec 2025 00:00:00 GMT"])
    expect(parseRetryAfter(header, nowMs)).toBe(0);
});
