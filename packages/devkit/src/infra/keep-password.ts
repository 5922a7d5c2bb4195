import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "./write-file-atomic.ts";

/** The password of a private server, made once for the folder that holds its state. */
export function keepPassword(folder: string): string {
  const file = join(folder, "password");
  if (!existsSync(file)) writeFileAtomic(file, randomBytes(18).toString("base64url"));
  return readFileSync(file, "utf8");
}
