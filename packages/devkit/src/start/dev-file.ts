import { createHash, randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { connectRedis } from "../infra/connect-redis.ts";
import { writeFileAtomic } from "../infra/write-file-atomic.ts";
import type { DemoCredentials } from "./demo-credentials.ts";

/** What DESIGN 2.2 lays down for `$DRIFTLOCK_HOME/dev.json`. */
export interface DevFile {
  apiUrl: string;
  webUrl: string;
  webhookUrl: string;
  stripeUrl: string;
  stripeSecretKey: string;
  webhookSecret: string;
  serviceKey: string;
  operatorKey: string;
  accounts: { id: string; userToken: string; apiKey: string }[];
  testClockId: string;
  databaseUrl: string;
  redisUrl: string;
}

const CHECK_EVERY_MS = 1_000;
/** An unused token ends by itself, and the check then makes another. */
const TOKEN_SECONDS = 86_400;
const loginKey = (token: string) => `demo:login:${createHash("sha256").update(token).digest("hex")}`;

interface DevFileOptions {
  home: string;
  content: Omit<DevFile, "webUrl" | "accounts">;
  credentials: DemoCredentials;
}

/**
 * Writes `dev.json`, and keeps a one-time token in it that works: whenever it was used, the file gets another.
 * `close` removes the file.
 */
export async function publishDevFile({ home, content, credentials }: DevFileOptions) {
  const path = devFilePath(home);
  const redis = connectRedis(content.redisUrl, { tries: 3 }); // supervised, and the connection comes back with it
  const [firstAccount] = credentials.accounts;
  if (!firstAccount) throw new Error("the demo credentials hold no account");
  const accounts = credentials.accounts.map(({ id, userToken, apiKey }) => ({ id, userToken, apiKey }));

  async function mint(): Promise<{ token: string; webUrl: string }> {
    const token = randomBytes(24).toString("base64url");
    await redis.set(loginKey(token), firstAccount?.userToken ?? "", "EX", TOKEN_SECONDS);
    const webUrl = `${content.apiUrl}/#token=${token}`;
    const { apiUrl, ...rest } = content;
    const file: DevFile = { apiUrl, webUrl, ...rest, accounts };
    writeFileAtomic(path, `${JSON.stringify(file, null, 2)}\n`);
    return { token, webUrl };
  }

  let current = await mint();
  let check: Promise<void> | null = null;
  const timer = setInterval(() => {
    check ??= mintAgainWhenUsed()
      .catch(() => {}) // Redis is away; the next check tries again
      .finally(() => (check = null));
  }, CHECK_EVERY_MS);

  async function mintAgainWhenUsed(): Promise<void> {
    if ((await redis.exists(loginKey(current.token))) === 0) current = await mint();
  }

  return {
    webUrl: current.webUrl,
    async close() {
      clearInterval(timer);
      redis.disconnect();
      await check;
      removeDevFile(home);
    },
  };
}

export const devFilePath = (home: string) => join(home, "dev.json");

/** Removes what a killed run left: whoever finds the file may rely on a system that is ready. */
export const removeDevFile = (home: string): void => rmSync(devFilePath(home), { force: true });
