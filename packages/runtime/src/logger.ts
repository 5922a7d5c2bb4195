import { type Logger, type LoggerOptions, pino } from "pino";

export type { Logger };

// Secret instances hide themselves; these are the places where the same things arrive as plain text.
const SENSITIVE = [
  "authorization",
  "cookie",
  "password",
  "apiKey",
  "secretKey",
  "webhookSecret",
  "clientSecret",
  "token",
];
const redactedPaths = [
  ...SENSITIVE,
  ...SENSITIVE.map((key) => `*.${key}`),
  // ioredis hangs the command that failed on its errors, with all that was sent: a password, customers' events.
  ...["err", "err.*", "err.*[*]"].map((error) => `${error}.command.args`),
  'req.headers["authorization"]',
  'req.headers["cookie"]',
  'req.headers["stripe-signature"]',
];

/** JSON lines on stdout. A message is an event, `noun.past-verb`, with its ids as fields. */
export function createLogger({ name, level }: { name: string; level: string }): Logger {
  const options: LoggerOptions = {
    name,
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: redactedPaths, censor: "[secret]" },
  };
  // Synchronous, so that lines keep their order and the last one before a crash is not lost.
  return pino(options, pino.destination({ fd: 1, sync: true }));
}
