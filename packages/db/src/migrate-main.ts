import { databaseUrl } from "./env.ts";
import { migrate } from "./migrate.ts";

const applied = await migrate(databaseUrl());
process.stdout.write(applied.length === 0 ? "schema is up to date\n" : `applied ${applied.join(", ")}\n`);
