import type { ReactNode } from "react";

export type Fact = readonly [name: string, value: ReactNode];

/** Names and values, side by side. */
export const Facts = ({ facts }: { facts: readonly Fact[] }) => (
  <dl className="facts">
    {facts.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);
