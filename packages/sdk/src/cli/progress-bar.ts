import type { PushState } from "./push-state.ts";

const barWidth = 24;
const plainIntervalMs = 5_000;

interface Screen {
  write(text: string): unknown;
  isTTY?: boolean;
}

/** Shows how far a push is: a line that is drawn over on a terminal, a line every five seconds elsewhere. */
export function createProgressBar(
  screen: Screen,
  { totalBytes, nowMs }: { totalBytes: number; nowMs: () => number },
) {
  const startedAtMs = nowMs();
  let first: PushState | null = null;
  let shownAtMs = -Infinity;

  const describe = (state: PushState): string => {
    const begun = first ?? state;
    const seconds = Math.max(0.001, (nowMs() - startedAtMs) / 1_000);
    const bytesPerSecond = (state.place.offsetBytes - begun.place.offsetBytes) / seconds;
    const eventsPerSecond = (countOf(state) - countOf(begun)) / seconds;
    const share = totalBytes === 0 ? 1 : Math.min(1, state.place.offsetBytes / totalBytes);
    const leftSeconds =
      bytesPerSecond > 0 ? Math.ceil((totalBytes - state.place.offsetBytes) / bytesPerSecond) : null;
    const filled = Math.round(share * barWidth);
    return [
      `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`,
      `${count(state.accepted)} accepted`,
      `${count(state.duplicates)} repeated`,
      `${count(state.refused)} refused`,
      `${count(eventsPerSecond)}/s`,
      ...(leftSeconds === null || share === 1 ? [] : [`${leftSeconds} s left`]),
    ].join("  ");
  };

  return {
    show: (state: PushState): void => {
      first ??= state;
      const intervalMs = screen.isTTY === true ? 100 : plainIntervalMs;
      if (nowMs() - shownAtMs < intervalMs) return;
      shownAtMs = nowMs();
      screen.write(screen.isTTY === true ? `\r\u001b[K${describe(state)}` : `${describe(state)}\n`);
    },
    end: (state: PushState): void => {
      screen.write(`${screen.isTTY === true ? "\r\u001b[K" : ""}${describe(state)}\n`);
    },
  };
}

const countOf = ({ accepted, duplicates, refused }: PushState): number => accepted + duplicates + refused;
const count = (value: number): string => Math.round(value).toLocaleString("en-US");
