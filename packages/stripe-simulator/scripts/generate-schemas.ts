// Writes src/generated/schemas.json: JSON Schemas of every parameter and answer type that the routes name, made from
// the `stripe` package's own types. With --check it writes nothing and fails when the file is stale.
import { readFileSync, writeFileSync } from "node:fs";
import { routes } from "../src/http/route-tables.ts";
import { eventObjectTypes } from "../src/events/object-types.ts";
import { generateSchemas } from "./schema-generator.ts";

const target = new URL("../src/generated/schemas.json", import.meta.url);
const answers = new Set(
  routes.flatMap(({ response }) => response ?? []).concat(Object.values(eventObjectTypes)),
);
const params = new Set(routes.flatMap(({ params: name }) => name ?? []));
const { roots, definitions } = generateSchemas({ params: [...params].sort(), answers: [...answers].sort() });
const text = `{"roots":${lines(roots)},"definitions":${lines(definitions)}}\n`;
const isStale = readFileSync(target, { encoding: "utf8", flag: "a+" }) !== text;
if (process.argv.includes("--check")) {
  if (isStale)
    process.stderr.write(
      "src/generated/schemas.json is stale: run `pnpm --filter @driftlock/stripe-simulator schemas`\n",
    );
  process.exitCode = isStale ? 1 : 0;
} else if (isStale) writeFileSync(target, text);

/** One entry a line, so that a diff shows what changed. */
function lines(record: Record<string, unknown>): string {
  return `{\n${Object.entries(record)
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
    .join(",\n")}\n}`;
}
