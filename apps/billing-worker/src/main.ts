import { runProcess } from "@driftlock/runtime";
import { compose } from "./compose.ts";
import { readWorkerEnv } from "./env.ts";

const env = readWorkerEnv();
await runProcess({ name: "billing-worker", env, opsPort: env.WORKER_OPS_PORT }, compose);
