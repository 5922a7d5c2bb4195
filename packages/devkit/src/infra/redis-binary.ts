import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { unpackRedisFromDebian } from "./apt-unpack.ts";

export interface RedisBinary {
  command: string;
  env: NodeJS.ProcessEnv;
}

const NAMES = ["redis-server", "valkey-server"];

function findOnPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** A server on the PATH, else Debian's or Ubuntu's package unpacked under `toolsHome`; null where neither is to be had. */
export function findRedisBinary(toolsHome: string, say: (text: string) => void): RedisBinary | null {
  for (const name of NAMES) {
    const command = findOnPath(name);
    if (command) return { command, env: process.env };
  }
  const canUseApt = findOnPath("apt-get") && findOnPath("dpkg-deb") && existsSync("/var/lib/dpkg/status");
  return canUseApt ? unpackRedisFromDebian({ home: toolsHome, names: NAMES, say }) : null;
}
