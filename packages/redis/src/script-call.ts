import { Command } from "ioredis";
import type { RedisClient } from "./connection.ts";
import { toAppError } from "./errors.ts";
import { type ScriptText, loadScriptText } from "./script.ts";

/** A command whose bytes are written already: ioredis would write argument by argument. The keys choose the node. */
class WrittenCommand extends Command {
  readonly #bytes: Buffer;

  constructor(name: "evalsha" | "eval", { keys, bytes }: { keys: readonly string[]; bytes: Buffer }) {
    super(name, ["", String(keys.length), ...keys], { replyEncoding: "utf8" });
    this.#bytes = bytes;
  }

  override toWritable(): Buffer {
    return this.#bytes;
  }
}

/** Calls a script of `scripts/` with keys and arguments that are written already. */
export type WrittenScript = (redis: RedisClient, call: WrittenCall) => Promise<unknown>;

export interface WrittenCall {
  keys: readonly string[];
  /** How many words `tail` holds: the number of keys, the keys and the arguments. */
  words: number;
  tail: Buffer;
}

/** As `loadScript`. Throws UNAVAILABLE where Redis is away: the script then ran once or not at all. */
export function loadWrittenScript(name: string): WrittenScript {
  const { text, sha }: ScriptText = loadScriptText(name);
  const send = (redis: RedisClient, command: "evalsha" | "eval", { keys, words, tail }: WrittenCall) => {
    const script = command === "eval" ? text : sha;
    const head = `*${words + 2}\r\n$${command.length}\r\n${command}\r\n$${Buffer.byteLength(script)}\r\n${script}\r\n`;
    const bytes = Buffer.concat([Buffer.from(head), tail]);
    return redis.sendCommand(new WrittenCommand(command, { keys, bytes })) as Promise<unknown>;
  };
  return async (redis, call) => {
    try {
      return await send(redis, "evalsha", call).catch((error: unknown) => {
        if (error instanceof Error && error.message.startsWith("NOSCRIPT")) return send(redis, "eval", call);
        throw error;
      });
    } catch (error) {
      throw toAppError(error);
    }
  };
}
