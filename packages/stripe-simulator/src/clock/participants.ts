/** A process that keeps business time and says how far it has come. Instants are simulated unix milliseconds. */
export interface ParticipantReport {
  caughtUpToMs: number;
  nextDueAtMs: number | null;
}

const ALIVE_FOR_MS = 15_000;

/** The names that outlive a restart. */
export interface ParticipantNames {
  list(): string[];
  add(name: string): void;
  remove(name: string): void;
}

export interface Participants {
  report(name: string, report: ParticipantReport): void;
  /** Whether every live participant said, after `sinceWallMs`, that it has caught up with `instantMs`. */
  haveCaughtUp(instantMs: number, sinceWallMs: number): boolean;
  /** The earliest instant after `afterMs` at which a live participant has work. */
  nextDueAtMs(afterMs: number): number | null;
  /** Whether one that was known before this start has not reported since. */
  areAwaited(): boolean;
  /** Gives up those that have not reported since this start. */
  forgetAwaited(): void;
  list(): (ParticipantReport & { name: string; reportedAtWallMs: number })[];
}

/**
 * Participants are known by their reports alone; one that was silent for 15 s of real time is not waited for. Their
 * names outlive a restart: an advance that goes on after it must not run ahead of who was waited for before.
 */
export function createParticipants(wallNowMs: () => number, names: ParticipantNames): Participants {
  const reports = new Map<string, ParticipantReport & { reportedAtWallMs: number }>();
  const awaited = new Set(names.list());
  const alive = () =>
    [...reports.values()].filter(({ reportedAtWallMs }) => wallNowMs() - reportedAtWallMs <= ALIVE_FOR_MS);
  return {
    report(name, report) {
      if (!awaited.delete(name) && !reports.has(name)) names.add(name);
      reports.set(name, { ...report, reportedAtWallMs: wallNowMs() });
    },
    haveCaughtUp: (instantMs, sinceWallMs) =>
      awaited.size === 0 &&
      alive().every((each) => each.caughtUpToMs >= instantMs && each.reportedAtWallMs >= sinceWallMs),
    nextDueAtMs(afterMs) {
      const instants = alive().flatMap(({ nextDueAtMs }) =>
        nextDueAtMs !== null && nextDueAtMs > afterMs ? [nextDueAtMs] : [],
      );
      return instants.length === 0 ? null : Math.min(...instants);
    },
    areAwaited: () => awaited.size > 0,
    forgetAwaited() {
      for (const name of awaited) names.remove(name);
      awaited.clear();
    },
    list: () => [...reports].map(([name, report]) => ({ name, ...report })),
  };
}
