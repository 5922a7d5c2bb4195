/** Business time: periods, quotas, dunning, event timestamps. Transport (leases, backoff, TTL) is the wall clock's. */
export interface Clock {
  now(): Date;
}

export interface ClockProgress {
  /** All business work of this process that was due up to here is done. */
  caughtUpToMs: number;
  /** When its next is due; null when it knows of none. */
  nextDueAtMs: number | null;
}

/** Tells whoever moves the clock how far this process has come, so that a jump leaves nothing behind. */
export interface ClockParticipant {
  /** Never rejects: a report that is lost is made good by the next one. */
  report(progress: ClockProgress): Promise<void>;
  /** Whether somebody is moving the clock right now, and waits. */
  isMoving(): boolean;
  /** Calls `listener` after every jump, so that what has become due is looked for at once. */
  onMoved(listener: () => void): void;
}

/** The machine's time; nobody moves it, so nobody waits for reports. */
export function systemClock(): Clock & ClockParticipant {
  return { now: () => new Date(), report: async () => {}, isMoving: () => false, onMoved: () => {} };
}
