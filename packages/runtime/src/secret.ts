import { inspect } from "node:util";
import { z } from "zod";

/** A value that must not reach a log: however it is printed it reads `[secret]`; only `reveal()` gives it out. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}

/** Zod type of a secret variable; `text` narrows the plain value first, for example to a prefix. */
export function secret(text: z.ZodType<string, string> = z.string()) {
  return text.transform((value) => new Secret(value));
}
