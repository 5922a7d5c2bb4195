import type { Route } from "../src/http/routes.ts";
import { generateSchemas } from "./schema-generator.ts";

/** The text of src/generated/schemas.json: the types that the routes and the events name, one entry a line. */
export function schemaFile(routes: Route[], eventTypes: Record<string, string>): string {
  const answers = new Set([
    ...routes.flatMap(({ response }) => response ?? []),
    ...Object.values(eventTypes),
  ]);
  const params = new Set(routes.flatMap(({ params: name }) => name ?? []));
  const { roots, definitions } = generateSchemas({
    params: [...params].sort(),
    answers: [...answers].sort(),
  });
  return `{"roots":${lines(roots)},"definitions":${lines(definitions)}}\n`;
}

function lines(record: Record<string, unknown>): string {
  const entries = Object.entries(record).map(
    ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
  );
  return `{\n${entries.join(",\n")}\n}`;
}
