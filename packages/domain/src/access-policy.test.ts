import { expect, test } from "vitest";
import { defaultAccessPolicy, parseAccessPolicy } from "./access-policy.ts";

test("what is not overridden stays", () => {
  expect(parseAccessPolicy('{"past_due":"read_only"}')).toEqual({
    ...defaultAccessPolicy,
    past_due: "read_only",
  });
});

test.each([
  ["[]", "not a JSON object"],
  ["{", "JSON"],
  ['{"late":"none"}', '"late" is not a payment state'],
  ['{"ok":"some"}', '"some" is not an access level'],
])("%s is refused", (json, message) => {
  expect(() => parseAccessPolicy(json)).toThrow(message);
});
