import { runProcess } from "@driftlock/runtime";
import { compose } from "./compose.ts";
import { readApiEnv } from "./env.ts";

const env = readApiEnv();
await runProcess({ name: "api", env, opsPort: env.API_OPS_PORT }, compose);
