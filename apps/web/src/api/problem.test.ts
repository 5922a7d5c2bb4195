import { TRPCClientError } from "@trpc/client";
import { describe, expect, test } from "vitest";
import { endsSession, readProblem, readProblemResponse } from "./problem.ts";
import { problemWords } from "./problem-words.ts";

const document = (code: string, status: number) => ({ code, status, detail: `why ${code}`, requestId: "r1" });

const answered = (code: string, status: number, headers: Record<string, string> = {}) =>
  TRPCClientError.from(
    { error: { message: "m", code: -32_603, data: { problem: document(code, status) } } },
    { meta: { response: new Response(null, { status, headers }) } },
  );

describe("a problem", () => {
  test("is read from the answer, with its Retry-After", () => {
    expect(readProblem(answered("RATE_LIMITED", 429, { "retry-after": "7" }))).toEqual({
      code: "RATE_LIMITED",
      detail: "why RATE_LIMITED",
      retryAfterSeconds: 7,
      requestId: "r1",
    });
  });

  test("that lasts is not tried again", () => {
    expect(readProblem(answered("QUOTA_EXCEEDED", 429)).retryAfterSeconds).toBeNull();
    expect(readProblem(answered("PAYMENT_FAILED", 402)).retryAfterSeconds).toBeNull();
  });

  test.each([
    new TypeError("fetch failed"),
    TRPCClientError.from(new TypeError("fetch failed")),
    TRPCClientError.from(new SyntaxError("a proxy's page of HTML")),
  ])("of the way there is UNREACHABLE and passes", (error) => {
    expect(readProblem(error)).toMatchObject({ code: "UNREACHABLE", retryAfterSeconds: 2 });
  });

  test("of a plain path is read the same way", async () => {
    const response = Response.json(document("UNAUTHENTICATED", 401), { status: 401 });
    expect(endsSession(await readProblemResponse(response))).toBe(true);
    expect(await readProblemResponse(new Response("<html>", { status: 502 }))).toMatchObject({
      code: "UNREACHABLE",
    });
  });
});

describe("its words", () => {
  test("say how long to wait, where to go, or which number to tell", () => {
    const base = { detail: "Your card was declined.", retryAfterSeconds: null, requestId: "r1" };
    expect(problemWords({ ...base, code: "RATE_LIMITED", retryAfterSeconds: 7 }).advice).toContain(
      "7 seconds",
    );
    expect(problemWords({ ...base, code: "CARD_EXPIRED" }).link?.to).toBe("/app/payment");
    expect(problemWords({ ...base, code: "PAYMENT_FAILED" }).advice).toContain("Your card was declined.");
    expect(problemWords({ ...base, code: "INTERNAL" }).advice).toContain("r1");
  });

  test("of a code that is not known are the gateway's own", () => {
    expect(
      problemWords({ code: "NEW", detail: "Do this.", retryAfterSeconds: null, requestId: null }).advice,
    ).toBe("Do this.");
  });
});
