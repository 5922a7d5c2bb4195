import { writeText } from "./record.ts";

const cr = 13;
const lf = 10;

/**
 * Writes Redis' protocol into a buffer that can be used again: thousands of short arguments cost less so than as strings
 * that are joined.
 */
export class RespWriter {
  buffer: Buffer;
  at = 0;

  constructor(bytes: number) {
    this.buffer = Buffer.allocUnsafeSlow(bytes);
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }

  /** What was written: a view, good until the next writing. */
  written(): Buffer {
    return this.buffer.subarray(0, this.at);
  }

  /** An argument of text. `reserve` three bytes for each unit and 32 more. */
  text(text: string): void {
    this.argument(text.length, writeText, text);
  }

  /** An argument that `write` puts at a place and tells the end of; `bytes` is how long it most often is. As `text`. */
  argument<Value>(
    bytes: number,
    write: (target: Buffer, at: number, value: Value) => number,
    value: Value,
  ): void {
    const start = this.at;
    this.header(bytes);
    const valueAt = this.at;
    this.at = write(this.buffer, valueAt, value);
    const written = this.at - valueAt;
    if (written !== bytes) {
      this.at = start;
      this.header(written);
      this.at = write(this.buffer, this.at, value);
    }
    this.#end();
  }

  bytes(source: Buffer, length = source.length): void {
    this.reserve(length + 32);
    this.header(length);
    source.copy(this.buffer, this.at, 0, length);
    this.at += length;
    this.#end();
  }

  /** An array of MessagePack: the first `length` of these integers, which are -32 or more. */
  packed(numbers: Float64Array, length: number): void {
    this.reserve(9 * length + 64);
    let size = 3;
    for (let index = 0; index < length; index++) size += packedBytes(numbers[index] ?? 0);
    this.header(size);
    this.#pack(0xdc, length, 2);
    for (let index = 0; index < length; index++) this.#number(numbers[index] ?? 0);
    this.#end();
  }

  header(length: number): void {
    this.buffer[this.at++] = 36; // $
    this.#digits(length);
  }

  /** The first line of a command of so many words. */
  words(count: number): void {
    this.buffer[this.at++] = 42; // *
    this.#digits(count);
  }

  #digits(number: number): void {
    if (number < 10) this.buffer[this.at++] = 48 + number;
    else if (number < 100) {
      this.buffer[this.at++] = 48 + ((number / 10) | 0);
      this.buffer[this.at++] = 48 + (number % 10);
    } else this.at = writeText(this.buffer, this.at, String(number));
    this.#end();
  }

  #end(): void {
    this.buffer[this.at++] = cr;
    this.buffer[this.at++] = lf;
  }

  #number(number: number): void {
    if (number < 128) this.buffer[this.at++] = number;
    else if (number <= 0xffff) this.#pack(0xcd, number, 2);
    else if (number <= 0xffff_ffff) this.#pack(0xce, number, 4);
    else {
      this.buffer[this.at] = 0xcb;
      this.at = this.buffer.writeDoubleBE(number, this.at + 1);
    }
  }

  #pack(kind: number, number: number, bytes: 2 | 4): void {
    this.buffer[this.at++] = kind;
    for (let shift = 8 * (bytes - 1); shift >= 0; shift -= 8) this.buffer[this.at++] = number >>> shift;
  }
}

function packedBytes(number: number): number {
  if (number < 128) return 1;
  if (number <= 0xffff) return 3;
  return number <= 0xffff_ffff ? 5 : 9;
}
