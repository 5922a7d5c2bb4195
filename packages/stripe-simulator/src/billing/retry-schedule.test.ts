import { expect, test } from "vitest";
import { nextRetryAt } from "./retry-schedule.ts";

const DAY = 86_400;

test("retries run on days 3, 5 and 7 after the first failure, and then no more", () => {
  const instants: number[] = [];
  let failedAt: number | null = 0;
  for (let attempt = 1; failedAt !== null; attempt++) {
    failedAt = nextRetryAt(attempt, failedAt);
    if (failedAt !== null) instants.push(failedAt / DAY);
  }
  expect(instants).toEqual([3, 5, 7]);
});
