import { startUsageParts, type UsageParts } from "@driftlock/devkit";
import { Redis } from "ioredis";

export interface OpenParts {
  parts: UsageParts;
  redis: Redis;
  close(): Promise<void>;
}

/** Starts what every row runs on; a signal stops all of it, and then this process. */
export async function openParts(options: {
  home: string;
  say: (text: string) => void;
  onStop: () => void;
}): Promise<OpenParts> {
  const { home, say, onStop } = options;
  say("starting Postgres, Redis and the Stripe simulator");
  const parts = await startUsageParts({ home, say });
  const redis = new Redis(parts.redisUrl);
  redis.on("error", () => {}); // the command that is on its way tells
  const close = async () => {
    redis.disconnect();
    await parts.close();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      say(`stopping (${signal})`);
      onStop();
      void close().finally(() => process.exit(1));
    });
  }
  return { parts, redis, close };
}
