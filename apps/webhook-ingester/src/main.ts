import { runProcess } from "@driftlock/runtime";
import { compose } from "./compose.ts";
import { readIngesterEnv } from "./env.ts";

const env = readIngesterEnv();
await runProcess({ name: "webhook-ingester", env, opsPort: env.WEBHOOK_OPS_PORT }, compose);
