import { loadEnv } from "./env.ts";
import { startSimulator } from "./start.ts";

const write =
  (level: string) =>
  (detail: object, msg: string): void =>
    void process.stdout.write(
      `${JSON.stringify({ level, time: new Date().toISOString(), msg, ...detail }, errors)}\n`,
    );

try {
  const simulator = await startSimulator({
    ...loadEnv(),
    wallNow: () => new Date(),
    log: { info: write("info"), warn: write("warn"), error: write("error") },
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void simulator.close().then(() => process.exit(0)));
} catch (error) {
  process.stderr.write(`the Stripe simulator cannot start: ${inWords(error as NodeJS.ErrnoException)}\n`);
  process.exit(1);
}

function inWords({ code, message }: NodeJS.ErrnoException): string {
  if (code === "EADDRINUSE") return "the port is in use: stop what holds it, or set STRIPE_SIMULATOR_PORT";
  return message.includes("locked") ? "another one runs on the same STRIPE_SIMULATOR_STATE" : message;
}

function errors(_key: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}
