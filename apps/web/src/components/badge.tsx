import type { Tone } from "../account/standing.ts";

/** One word of state. Its colour repeats what the word says. */
export const Badge = ({ label, tone }: { label: string; tone: Tone }) => (
  <span className={`badge ${tone}`}>{label}</span>
);
