import type { ReactNode } from "react";
import type { Tone } from "../account/standing.ts";
import { useFocus } from "./use-focus.ts";

interface NoticeProps {
  tone: Tone;
  title: string;
  children?: ReactNode;
  /** What one can do about it. */
  actions?: ReactNode;
  /** It answers to what was just done, in the place of the button that did it: the focus goes on to it. */
  isAnswer?: boolean;
}

/** Something to know. What is urgent is read out at once, the rest when there is a pause. */
export function Notice({ tone, title, children, actions, isAnswer = false }: NoticeProps) {
  const section = useFocus<HTMLElement>(isAnswer);
  return (
    <section
      ref={section}
      className={`notice ${tone}`}
      role={tone === "danger" ? "alert" : "status"}
      tabIndex={isAnswer ? -1 : undefined}
    >
      <p className="notice-title">{title}</p>
      {children !== undefined && <div>{children}</div>}
      {actions !== undefined && <div className="actions">{actions}</div>}
    </section>
  );
}
