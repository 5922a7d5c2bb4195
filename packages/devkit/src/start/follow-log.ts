import { closeSync, openSync, readSync, statSync } from "node:fs";

const PINO_LEVELS: Record<string, string> = { "40": "warn", "50": "error", "60": "fatal" };
const SHOWN = new Set(["warn", "error", "fatal"]);
const POLL_MS = 150;
const LINE_LENGTH_MAX = 400;

export interface LogFollower {
  /** Shows what was written until now, and ends. */
  close(): void;
}

/**
 * Shows a child's log on the terminal while the child writes it to its file: of JSON lines those of warn and above,
 * of others those that `isShown` picks.
 */
export function followLog(
  logFile: string,
  show: (line: string) => void,
  isShown: (line: string) => boolean = () => true,
): LogFollower {
  let offset = sizeOf(logFile);
  let rest = "";
  const poll = () => {
    const size = sizeOf(logFile);
    if (size <= offset) return;
    const buffer = Buffer.alloc(size - offset);
    const file = openSync(logFile, "r");
    const length = readSync(file, buffer, 0, buffer.length, offset);
    closeSync(file);
    offset += length;
    const lines = (rest + buffer.toString("utf8", 0, length)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const compact = compactLine(line, isShown);
      if (compact) show(compact.slice(0, LINE_LENGTH_MAX));
    }
  };
  const timer = setInterval(poll, POLL_MS);
  return {
    close() {
      clearInterval(timer);
      poll();
    },
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** One line for the terminal, or null: "warn clock.lost ECONNREFUSED {...}". */
export function compactLine(line: string, isShown: (line: string) => boolean): string | null {
  if (!line.startsWith("{")) return line.trim() !== "" && isShown(line) ? line : null;
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, msg, err, time: _time, name: _name, pid: _pid, hostname: _hostname, ...fields } = entry;
  const word = PINO_LEVELS[String(level)] ?? String(level);
  if (!SHOWN.has(word)) return null;
  const reason = (err as { message?: string } | undefined)?.message;
  const detail = Object.keys(fields).length > 0 ? JSON.stringify(fields) : undefined;
  return [word, msg, reason, detail].filter(Boolean).join(" ").replaceAll("\n", " ");
}
