import type { Sibling } from "../../chaos/sibling.ts";
import type { Kill, Sign, Victim } from "./ruin.ts";

export interface Reaper {
  begin(slot: number): void;
  /** Counts a sign, and kills whoever is to be killed at it. */
  see(sign: Sign, who: Victim | null): void;
  /** How often each was killed. */
  readonly killed: Readonly<Record<string, number>>;
  /** Kills that are still to come are not made. */
  stop(): void;
}

/** Kills with -9 as it was drawn. A process that is being started, or dead, at its moment is left alone. */
export function createReaper(kills: readonly Kill[], processes: ReadonlyMap<Victim, Sibling>): Reaper {
  const killed: Record<string, number> = {};
  const timers = new Set<NodeJS.Timeout>();
  let counts = new Map<Sign, number>();
  let present = 0;

  const kill = (victim: Victim): void => {
    const pid = processes.get(victim)?.pid();
    if (pid === undefined) return;
    process.kill(pid, "SIGKILL");
    killed[victim] = (killed[victim] ?? 0) + 1;
  };
  const killLater = (victim: Victim, afterMs: number): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      kill(victim);
    }, afterMs);
    timers.add(timer);
  };
  return {
    killed,
    begin(slot) {
      present = slot;
      counts = new Map();
    },
    see(sign, who) {
      const count = (counts.get(sign) ?? 0) + 1;
      counts.set(sign, count);
      for (const due of kills) {
        if (due.slot !== present || due.sign !== sign || due.nth !== count) continue;
        const victim = due.victim ?? who;
        if (victim === null) continue;
        if (due.afterMs === 0) kill(victim);
        else killLater(victim, due.afterMs);
      }
    },
    stop() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
