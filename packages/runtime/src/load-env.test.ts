import { inspect } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { processSchema, readEnv, redisEnv, Secret, secret } from "./index.ts";

test("variables are parsed, and an empty one is an absent one", () => {
  const schema = processSchema({ ...redisEnv, FLAG: z.stringbool().default(true) });
  const source = {
    DRIFTLOCK_MODE: "simulator",
    REDIS_URL: "redis://127.0.0.1:6379",
    FLAG: "no",
    LOG_LEVEL: "",
  };
  expect(readEnv(schema, source).env).toMatchObject({
    FLAG: false,
    LOG_LEVEL: "info",
    BIND_HOST: "127.0.0.1",
  });
});

test("the rules between variables are checked although a third is wrong", () => {
  const schema = processSchema(
    { ...redisEnv, A: z.string().optional(), B: z.coerce.number() },
    (env, fault) => {
      if (env.A !== undefined && env.B === undefined) fault("A", "needs B");
    },
  );
  const source = { DRIFTLOCK_MODE: "test", BUSINESS_CLOCK_URL: "http://localhost/clock", A: "a", B: "b" };
  const faults = readEnv(schema, source).faults?.map(({ variable, problem }) => `${variable} ${problem}`);
  expect(faults).toEqual([
    "REDIS_URL is missing",
    "B Invalid input: expected number, received NaN",
    "BUSINESS_CLOCK_URL is for DRIFTLOCK_MODE=simulator only: elsewhere business time is the system's",
    "A needs B",
  ]);
});

test("a secret shows itself only when asked", () => {
  const { env } = readEnv(z.object({ KEY: secret(z.string().startsWith("sk_")) }), { KEY: "sk_1" });
  const key = env?.KEY ?? new Secret("");
  expect([String(key), JSON.stringify({ key }), inspect({ key })].join()).toBe(
    '[secret],{"key":"[secret]"},{ key: [secret] }',
  );
  expect(key.reveal()).toBe("sk_1");
  expect(
    readEnv(z.object({ KEY: secret(z.string().startsWith("sk_")) }), { KEY: "pk_1" }).faults,
  ).toHaveLength(1);
});
