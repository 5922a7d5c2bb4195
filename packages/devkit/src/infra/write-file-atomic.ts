import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";

/** Writes a file whole or not at all, by rename; readable by its owner alone unless another mode is given. */
export function writeFileAtomic(path: string, text: string, mode = 0o600): void {
  const staging = `${path}.${process.pid}.new`;
  const file = openSync(staging, "w", mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(staging, path);
}
