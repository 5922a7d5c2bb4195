/** A process that keeps business time and says how far it has come. Instants are simulated unix milliseconds. */
export interface ParticipantReport {
  caughtUpToMs: number;
  nextDueAtMs: number | null;
}

const ALIVE_FOR_MS = 15_000;

export interface Participants {
  report(name: string, report: ParticipantReport): void;
  /** Whether every live participant said, after `sinceWallMs`, that it has caught up with `instantMs`. */
  haveCaughtUp(instantMs: number, sinceWallMs: number): boolean;
  /** The earliest instant after `afterMs` at which a live participant has work. */
  nextDueAtMs(afterMs: number): number | null;
  list(): (ParticipantReport & { name: string; reportedAtWallMs: number })[];
}

/** Participants are known by their reports alone; one that was silent for 15 s of real time is not waited for. */
export function createParticipants(wallNowMs: () => number): Participants {
  const reports = new Map<string, ParticipantReport & { reportedAtWallMs: number }>();
  const alive = () =>
    [...reports.values()].filter(({ reportedAtWallMs }) => wallNowMs() - reportedAtWallMs <= ALIVE_FOR_MS);
  return {
    report: (name, report) => void reports.set(name, { ...report, reportedAtWallMs: wallNowMs() }),
    haveCaughtUp: (instantMs, sinceWallMs) =>
      alive().every((each) => each.caughtUpToMs >= instantMs && each.reportedAtWallMs >= sinceWallMs),
    nextDueAtMs(afterMs) {
      const instants = alive().flatMap(({ nextDueAtMs }) =>
        nextDueAtMs !== null && nextDueAtMs > afterMs ? [nextDueAtMs] : [],
      );
      return instants.length === 0 ? null : Math.min(...instants);
    },
    list: () => [...reports].map(([name, report]) => ({ name, ...report })),
  };
}
