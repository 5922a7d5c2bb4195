import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const names = ["chromium", "google-chrome", "chromium-browser", "google-chrome-stable"];

/** The Chromium of this machine: CHROMIUM_PATH, or the first on the PATH; null where there is none. */
export function findChromium(): string | null {
  const named = process.env["CHROMIUM_PATH"];
  if (named) return named;
  const folders = ["/usr/bin", ...(process.env["PATH"] ?? "").split(delimiter)];
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}
