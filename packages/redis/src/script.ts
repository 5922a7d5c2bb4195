import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RedisClient } from "./connection.ts";
import { toAppError } from "./errors.ts";

export type Script = (
  redis: RedisClient,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
) => Promise<unknown>;

export interface ScriptText {
  text: string;
  sha: string;
}

/** A Lua script of `scripts/` and what Redis knows it by. */
export function loadScriptText(name: string): ScriptText {
  const text = readFileSync(join(import.meta.dirname, "scripts", `${name}.lua`), "utf8");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/**
 * A Lua script of `scripts/`, read once and called by its hash; a server that does not know it yet is sent the text.
 * Throws UNAVAILABLE where Redis is away: the script then ran once or not at all.
 */
export function loadScript(name: string): Script {
  const { text, sha } = loadScriptText(name);
  return (redis, keys, args) => {
    const call = [keys.length, ...keys, ...args] as const;
    return callKnown(
      () => redis.evalsha(sha, ...call),
      () => redis.eval(text, ...call),
    );
  };
}

/** As `loadScript`; what is text in its answers comes as buffers. */
export function loadBinaryScript(name: string): Script {
  const { text, sha } = loadScriptText(name);
  return (redis, keys, args) => {
    const send = (command: string, script: string) =>
      redis.callBuffer(command, script, keys.length, ...keys, ...args);
    return callKnown(
      () => send("evalsha", sha),
      () => send("eval", text),
    );
  };
}

async function callKnown(byHash: () => Promise<unknown>, byText: () => Promise<unknown>): Promise<unknown> {
  try {
    return await byHash().catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) return byText();
      throw error;
    });
  } catch (error) {
    throw toAppError(error);
  }
}
