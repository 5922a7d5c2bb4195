import { runCatalog } from "./run-catalog.ts";

process.exitCode = await runCatalog(process.argv.slice(2), process);
