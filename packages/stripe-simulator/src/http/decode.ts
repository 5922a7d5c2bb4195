import qs from "qs";
import { invalidRequest } from "../errors.ts";

/** Decodes a form (body or query) into nested values; everything is still a string. */
export const decodeForm = (text: string): Record<string, unknown> =>
  qs.parse(text, { depth: 12, arrayLimit: 1000, parameterLimit: 20_000, plainObjects: false }) as Record<
    string,
    unknown
  >;

/** Decodes a v2 body; anything but a JSON object is a 400. */
export function decodeJson(text: string): Record<string, unknown> {
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // said below
  }
  throw invalidRequest("Invalid request body: it must be a JSON object.");
}
