import { decodeForm } from "../http/decode.ts";

/** The flat fields of a posted form; a field that is not a single text is left out. */
export function readForm<T extends { [K in keyof T]?: string }>(body: unknown): T {
  const decoded = decodeForm(typeof body === "string" ? body : "");
  return Object.fromEntries(Object.entries(decoded).filter(([, value]) => typeof value === "string")) as T;
}
