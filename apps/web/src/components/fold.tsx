import { type ReactNode, useState } from "react";

/** What is loaded, and shown, once somebody wants to see it. */
export function Fold({ title, children }: { title: string; children: ReactNode }) {
  const [wasOpened, setWasOpened] = useState(false);
  return (
    <details className="fold" onToggle={({ currentTarget }) => currentTarget.open && setWasOpened(true)}>
      <summary>{title}</summary>
      {wasOpened && children}
    </details>
  );
}
