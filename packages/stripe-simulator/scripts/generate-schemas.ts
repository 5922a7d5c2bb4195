// Writes src/generated/schemas.json: JSON Schemas of every parameter and answer type that the routes name, made from
// the `stripe` package's own types. A test fails while the file is stale.
import { writeFileSync } from "node:fs";
import { eventObjectTypes } from "../src/events/object-types.ts";
import { routes } from "../src/http/route-tables.ts";
import { schemaFile } from "./schema-file.ts";

writeFileSync(
  new URL("../src/generated/schemas.json", import.meta.url),
  schemaFile(routes, eventObjectTypes),
);
