import type { ReactNode } from "react";
import type { Tone } from "../account/standing.ts";

interface NoticeProps {
  tone: Tone;
  title: string;
  children?: ReactNode;
  /** What one can do about it. */
  actions?: ReactNode;
}

/** Something to know. What is urgent is read out at once, the rest when there is a pause. */
export function Notice({ tone, title, children, actions }: NoticeProps) {
  return (
    <section className={`notice ${tone}`} role={tone === "danger" ? "alert" : "status"}>
      <p className="notice-title">{title}</p>
      {children !== undefined && <div>{children}</div>}
      {actions !== undefined && <div className="actions">{actions}</div>}
    </section>
  );
}
