import { createPublicKey, verify } from "node:crypto";
import { expect, test } from "vitest";
import { setUp } from "./harness.ts";

test("a token of the claims that were passed, which the published key verifies", async () => {
  const { sim } = await setUp();
  const { body } = await sim("POST", "/_sim/tokens", { sub: "user_1", account: "a" });
  const [header = "", payload = "", signature = ""] = (body as { token: string }).token.split(".");
  const { keys } = (await sim("GET", "/_sim/jwks.json")).body as { keys: [{ kid: string; d?: string }] };
  const key = createPublicKey({ key: keys[0], format: "jwk" });
  const signed = Buffer.from(`${header}.${payload}`);
  const isRight = verify(
    "sha256",
    signed,
    { key, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  expect(isRight).toBe(true);
  expect(keys[0].d).toBeUndefined();
  expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toMatchObject({
    sub: "user_1",
    account: "a",
  });
});

test("claims that are no object are refused", async () => {
  const { sim } = await setUp();
  expect(await sim("POST", "/_sim/tokens", [])).toMatchObject({ status: 400 });
});
