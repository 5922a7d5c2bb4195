import type { ReactNode } from "react";
import { useFocus } from "./use-focus.ts";

interface ActionButtonProps {
  children: ReactNode;
  isPending: boolean;
  onClick?: () => void;
  type?: "button" | "submit";
  look?: "primary" | "danger" | "plain";
  isDisabled?: boolean;
  /** It appears in the place of what was left by a button, and has the focus then. */
  takesFocus?: boolean;
}

/** A button that says when it is at work, and cannot be pressed twice meanwhile. */
export function ActionButton(props: ActionButtonProps) {
  const { children, isPending, onClick, type, look, isDisabled, takesFocus = false } = props;
  const button = useFocus<HTMLButtonElement>(takesFocus);
  return (
    <button
      ref={button}
      type={type ?? "button"}
      className={look ?? "primary"}
      // Not `disabled` while at work: that would take the focus from who uses a keyboard.
      aria-disabled={isPending || undefined}
      aria-busy={isPending || undefined}
      disabled={isDisabled}
      onClick={(event) => {
        if (isPending) event.preventDefault();
        else onClick?.();
      }}
    >
      {children}
    </button>
  );
}
