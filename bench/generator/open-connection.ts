import { connect, type Socket } from "node:net";

export interface Answer {
  status: number;
  /** The first bytes of the body, as text. */
  text: string;
  retryAfterSeconds: number;
}

export interface Connection {
  /** Sends one request; the next only after its answer. */
  send(bytes: Buffer): void;
  close(): void;
}

const TEXT_BYTES_MAX = 200;
const READ_BYTES = 65_536;

/**
 * A connection of HTTP/1.1 by hand, as cheap as it can be: one request at a time, and of an answer its status and the
 * beginning of its body alone are looked at. When it is cut, `onLost` is told; the next `send` connects anew.
 */
export function openConnection(
  address: { host: string; port: number },
  { onAnswer, onLost }: { onAnswer(answer: Answer): void; onLost(error: Error): void },
): Connection {
  let socket: Socket | null = null;
  let answer: Answer | null = null;
  /** The head so far, where it came in parts. */
  let partial = "";
  let bytesLeft = 0;
  let isClosed = false;

  function read(bytes: number, buffer: Uint8Array): boolean {
    if (answer === null) {
      // The digits of a status, of a length and of counts are ASCII: no byte of them is part of another character.
      partial += (buffer as Buffer).toString("latin1", 0, bytes);
      const headEnd = partial.indexOf("\r\n\r\n");
      if (headEnd === -1) return true;
      answer = readHead(partial.slice(0, headEnd + 2));
      bytesLeft = contentLengthOf(partial.slice(0, headEnd + 2));
      const body = partial.slice(headEnd + 4);
      answer.text = body.slice(0, TEXT_BYTES_MAX);
      bytesLeft -= body.length;
      partial = "";
    } else {
      if (answer.text.length < TEXT_BYTES_MAX)
        answer.text += (buffer as Buffer).toString("latin1", 0, Math.min(bytes, TEXT_BYTES_MAX));
      bytesLeft -= bytes;
    }
    if (bytesLeft > 0) return true;
    const whole = answer;
    answer = null;
    onAnswer(whole);
    return true;
  }

  function open(): Socket {
    const opened = connect({
      ...address,
      noDelay: true,
      onread: { buffer: Buffer.allocUnsafe(READ_BYTES), callback: read },
    });
    let reason = new Error("the connection was cut");
    opened.on("error", (error) => (reason = error));
    opened.on("end", () => opened.destroy());
    opened.on("close", () => {
      if (socket !== opened) return;
      socket = null;
      answer = null;
      partial = "";
      if (!isClosed) onLost(reason);
    });
    return opened;
  }

  return {
    send(bytes) {
      socket ??= open();
      socket.write(bytes);
    },
    close() {
      isClosed = true;
      socket?.destroy();
    },
  };
}

const readHead = (head: string): Answer => ({
  status: Number(head.slice(9, 12)),
  text: "",
  retryAfterSeconds: Number(/\r\nretry-after: (\d+)/i.exec(head)?.[1] ?? 0),
});

function contentLengthOf(head: string): number {
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? [];
  if (length === undefined) throw new Error(`an answer has no content-length:\n${head}`);
  return Number(length);
}
