import { hash, randomBytes } from "node:crypto";

const keyPattern = /^dlk_(test|live)_[A-Za-z0-9_-]{16,128}$/;
const prefixLength = "dlk_test_".length + 4;

export type KeyMode = "test" | "live";

/** The mode that a key's own text claims, or null where it is none of our keys. */
export const keyModeOf = (text: string): KeyMode | null =>
  (keyPattern.exec(text)?.[1] as KeyMode | undefined) ?? null;

/** SHA-256 is enough: a key is 192 bits of chance, not a password that could be guessed. */
export const hashKey = (text: string): Buffer => hash("sha256", text, "buffer");

/** What of a key may be shown, to tell it from others. */
export const displayPrefixOf = (text: string): string => text.slice(0, prefixLength);

/** A new key's text; told once, never stored. */
export const makeKey = (mode: KeyMode): string => `dlk_${mode}_${randomBytes(24).toString("base64url")}`;

export const makeKeyId = (): string => `key_${randomBytes(12).toString("hex")}`;
