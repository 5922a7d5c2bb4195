import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { eventObjectTypes } from "../src/events/object-types.ts";
import { routes } from "../src/http/route-tables.ts";
import { schemaFile } from "../scripts/schema-file.ts";

test("the schemas are those of the installed stripe package and of the present routes", {
  timeout: 60_000,
}, () => {
  const stored = readFileSync(new URL("../src/generated/schemas.json", import.meta.url), "utf8");
  expect(
    stored === schemaFile(routes, eventObjectTypes),
    "run `pnpm --filter @driftlock/stripe-simulator schemas`",
  ).toBe(true);
});
