import { Command } from "ioredis";
import type { RedisClient } from "./connection.ts";
import { toAppError } from "./errors.ts";
import { RespWriter } from "./resp-writer.ts";
import { loadScriptText } from "./script.ts";

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

/** A script of `scripts/` whose keys and arguments the caller writes. */
export interface WrittenScript {
  /**
   * Begins a call of so many words: the number of keys, the keys and the arguments, which are to be written next. It has
   * to be sent.
   */
  begin(words: number): RespWriter;
  /** Sends a call. Throws UNAVAILABLE where Redis is away: the script then ran once or not at all. */
  send(redis: RedisClient, call: RespWriter, keys: readonly string[]): Promise<unknown>;
}

/** Calls under way at the same time, one for each partition; more make their own buffers. */
const writersMax = 8;
const keptBytesMax = 1024 * 1024;

/** As `loadScript`. Buffers are used again: large ones are no part of V8's heap, but they bring its collections nearer. */
export function loadWrittenScript(name: string): WrittenScript {
  const { text, sha } = loadScriptText(name);
  const idle: RespWriter[] = [];

  const sendBytes = (redis: RedisClient, command: WrittenCommand) =>
    redis.sendCommand(command) as Promise<unknown>;

  /** To a server that does not know the script yet. */
  function sendText(redis: RedisClient, call: RespWriter, keys: readonly string[]): Promise<unknown> {
    const written = call.written().toString("latin1");
    const bytes = Buffer.concat([
      Buffer.from(written.slice(0, written.indexOf("\r\n") + 2), "latin1"),
      Buffer.from(`$4\r\neval\r\n$${Buffer.byteLength(text)}\r\n${text}\r\n`),
      Buffer.from(written.slice(written.indexOf(sha) + sha.length + 2), "latin1"),
    ]);
    return sendBytes(redis, new WrittenCommand("eval", { keys, bytes }));
  }

  return {
    begin: (words) => {
      const writer = idle.pop() ?? new RespWriter(64 * 1024);
      writer.at = 0;
      writer.words(words + 2);
      writer.text("evalsha");
      writer.text(sha);
      return writer;
    },
    send: async (redis, call, keys) => {
      try {
        const command = new WrittenCommand("evalsha", { keys, bytes: call.written() });
        const reply = await sendBytes(redis, command).catch((error: unknown) => {
          if (error instanceof Error && error.message.startsWith("NOSCRIPT"))
            return sendText(redis, call, keys);
          throw error;
        });
        // Only what was answered is read by nobody any more: after a failure the bytes may still wait to be sent.
        if (idle.length < writersMax && call.buffer.length <= keptBytesMax) idle.push(call);
        return reply;
      } catch (error) {
        throw toAppError(error);
      }
    },
  };
}
