import { type ReactNode, useEffect, useRef } from "react";
import { isArrival } from "../routing/navigation.tsx";

/** A page's heading and content. After a step within the site the heading has the focus, so that a screen reader says where one is. */
export function Page({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · DriftLock Billing`;
  }, [title]);
  // Once: a title that changes with what was loaded, or done, takes the focus from nobody.
  useEffect(() => {
    if (isArrival()) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <>
      <header className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {lead !== undefined && <p className="lead">{lead}</p>}
      </header>
      {children}
    </>
  );
}
