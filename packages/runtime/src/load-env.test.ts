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

test("the rule between two variables is checked although a third is wrong", () => {
  const source = { DRIFTLOCK_MODE: "test", BUSINESS_CLOCK_URL: "http://localhost/clock" };
  const variables = readEnv(processSchema(redisEnv), source).faults?.map(({ variable }) => variable);
  expect(variables).toEqual(["REDIS_URL", "BUSINESS_CLOCK_URL"]);
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
