import { expect, test } from "vitest";
import {
  decimalOf,
  divideWhole,
  formatDecimal,
  multiplyToMinor,
  parseDecimal,
  roundedQuotient,
} from "./decimal.ts";

test.each([
  ["0.05", "0.05"],
  ["-12.50", "-12.5"],
  ["100000", "100000"],
  [".5", "0.5"],
  ["999999999999999", "999999999999999"],
])("%s is read and written exactly", (text, plain) => {
  expect(formatDecimal(decimalOf(text))).toBe(plain);
});

test.each(["", "1e3", "abc", "1.2.3", "0.0000000000000001", "-"])("%j is no decimal", (text) => {
  expect(parseDecimal(text)).toBeNull();
});

test("money is rounded once, halves away from zero", () => {
  expect(multiplyToMinor(decimalOf("0.05"), decimalOf(50_000))).toBe(2_500);
  expect(multiplyToMinor(decimalOf("0.05"), decimalOf(10))).toBe(1);
  expect(multiplyToMinor(decimalOf("0.05"), decimalOf(9))).toBe(0);
  expect(roundedQuotient(-5n, 2n)).toBe(-3n);
});

test("transformed quantities go up or down to whole packages", () => {
  expect(formatDecimal(divideWhole(decimalOf(1_001), 1_000, "up"))).toBe("2");
  expect(formatDecimal(divideWhole(decimalOf(1_999), 1_000, "down"))).toBe("1");
});
