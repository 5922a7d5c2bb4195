import type { ReactNode } from "react";

interface ActionButtonProps {
  children: ReactNode;
  isPending: boolean;
  onClick?: () => void;
  type?: "button" | "submit";
  look?: "primary" | "danger" | "plain";
  isDisabled?: boolean;
}

/** A button that says when it is at work, and cannot be pressed twice meanwhile. */
export function ActionButton({ children, isPending, onClick, type, look, isDisabled }: ActionButtonProps) {
  return (
    <button
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
