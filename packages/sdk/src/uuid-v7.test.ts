import { expect, test } from "vitest";
import { uuidV7 } from "./uuid-v7.ts";

// RFC 9562, appendix A.6.
test("the example of the RFC", () => {
  const random = Buffer.from("0cc318c4dc0c0c07398f", "hex");
  expect(uuidV7(1_645_557_742_000, random)).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
});

test("a later id sorts after an earlier one, whatever its random part", () => {
  const highest = uuidV7(1_645_557_742_000, new Uint8Array(10).fill(255));
  const lowest = uuidV7(1_645_557_742_001, new Uint8Array(10));
  expect(highest < lowest).toBe(true);
});
