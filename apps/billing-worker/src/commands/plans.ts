import { runPlans } from "./run-plans.ts";

process.exitCode = await runPlans(process.argv.slice(2), process);
