import { loadEnv } from "./env.ts";
import { startSimulator } from "./start.ts";

const write =
  (level: string) =>
  (detail: object, msg: string): void =>
    void process.stdout.write(
      `${JSON.stringify({ level, time: new Date().toISOString(), msg, ...detail })}\n`,
    );

const env = loadEnv();
const simulator = await startSimulator({
  ...env,
  wallNow: () => new Date(),
  log: { info: write("info"), warn: write("warn"), error: write("error") },
});
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void simulator.close().then(() => process.exit(0)));
