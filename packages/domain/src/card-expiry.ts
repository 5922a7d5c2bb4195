/** Days before the end of a card's last month from which its owner is told. */
export const cardWarningDays = 30;

const dayMs = 24 * 60 * 60 * 1000;

/** The instant from which a card is refused: its last month is good to the end, in UTC. `expMonth`: 1 to 12. */
export const cardEndsAt = ({ expMonth, expYear }: { expMonth: number; expYear: number }): Date =>
  new Date(Date.UTC(expYear, expMonth, 1));

/** Whether a card that ends at `endsAt` is about to end at `now`, or has ended. */
export const isCardExpiring = (endsAt: Date, now: Date): boolean =>
  endsAt.getTime() - now.getTime() < cardWarningDays * dayMs;
