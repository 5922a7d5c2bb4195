import { describe, expect, test } from "vitest";
import { formatInstant, formatUtc } from "./instant.ts";
import { byMetric, formatMetric, formatMetricPhrase, metricWords } from "./metric.ts";
import { formatMoney, minorPerUnit } from "./money.ts";
import { formatBytes, formatCompact, formatQuantity, formatShare } from "./quantity.ts";

const locale = "en-US";

describe("money", () => {
  test.each([
    [2900, "usd", "$29.00"],
    [5, "usd", "$0.05"],
    [-1450, "usd", "-$14.50"],
    [123_456_789, "usd", "$1,234,567.89"],
    [500, "jpy", "¥500"],
    [1234, "eur", "€12.34"],
  ])("%i minor units of %s are %s", (amountMinor, currency, text) => {
    expect(formatMoney(amountMinor, currency, { locale })).toBe(text);
  });

  test("each currency has its own minor unit", () => {
    expect(["usd", "jpy", "kwd"].map(minorPerUnit)).toEqual([100, 1, 1_000]);
  });

  test("short money leaves out zero cents and no others", () => {
    expect(formatMoney(2900, "usd", { locale, isShort: true })).toBe("$29");
    expect(formatMoney(50, "usd", { locale, isShort: true })).toBe("$0.50");
  });

  test("another locale groups in its own way", () => {
    expect(formatMoney(123_456, "eur", { locale: "de-DE" })).toBe("1.234,56\u00a0€");
  });
});

describe("quantities", () => {
  test("are grouped", () => expect(formatQuantity(999_999_999_999_999, locale)).toBe("999,999,999,999,999"));
  test("are short on axes", () => expect(formatCompact(125_000, locale)).toBe("125K"));
  test("a share is 100 % only when all is used", () => {
    expect(formatShare(0.9999, locale)).toBe("99%");
    expect(formatShare(1, locale)).toBe("100%");
  });
  test.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1_500_000, "1.5 MB"],
    [-1_500_000, "-1.5 MB"],
    [2_000_000_000_000, "2 TB"],
    [1_234_567_000_000_000, "1.2 PB"],
  ])("%i bytes are %s", (bytes, text) => expect(formatBytes(bytes, locale)).toBe(text));
});

describe("metrics", () => {
  test("one of an operator is called by its own name", () => {
    expect(metricWords("build_minutes")).toEqual({ name: "Build minutes", units: "build minutes" });
  });
  test("what plans are about comes first", () => {
    const metrics = ["alerts", "zeta", "storage_bytes", "events", "beta"];
    expect(metrics.toSorted(byMetric)).toEqual(["events", "alerts", "storage_bytes", "beta", "zeta"]);
  });
  test("bytes are read as bytes", () => {
    expect(formatMetric("storage_bytes", 1500, locale)).toBe("1.5 kB");
    expect(formatMetricPhrase("storage_bytes", 1500, locale)).toBe("1.5 kB of storage");
    expect(formatMetricPhrase("events", 10_000, locale)).toBe("10,000 events");
  });
});

describe("instants", () => {
  const at = "2026-03-01T02:30:05.000Z";
  test("are in the zone of who reads", () => {
    expect(formatInstant(at, { locale, timeZone: "America/New_York" })).toBe("Feb 28, 2026");
    expect(formatInstant(at, { locale, timeZone: "UTC", style: "short-day" })).toBe("Mar 1");
  });
  test("have a form that is the same for all", () => expect(formatUtc(at)).toBe("2026-03-01 02:30:05 UTC"));
});
