import { runProcess } from "@driftlock/runtime";
import { compose } from "./compose.ts";
import { readAggregatorEnv } from "./env.ts";

const env = readAggregatorEnv();
await runProcess({ name: "usage-aggregator", env, opsPort: env.AGGREGATOR_OPS_PORT }, compose);
