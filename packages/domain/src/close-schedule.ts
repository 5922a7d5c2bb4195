/** How late usage of a period may still come in before the period is closed (DESIGN 6). */
export const closeLatenessMs = 5 * 60 * 1000;

/** After the period's end a draft that nobody looks after finalizes by itself … */
export const closeDeadlineMs = 24 * 60 * 60 * 1000;

/** … and one whose usage Stripe sums up differently is held this long, for a person to look at it. */
export const mismatchDeadlineMs = 72 * 60 * 60 * 1000;

/** A period that bills usage is closed by its invoice. Where none came by now, it is closed without. */
export const abandonedCloseMs = 96 * 60 * 60 * 1000;
