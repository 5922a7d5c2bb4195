import { type RefObject, useEffect, useRef } from "react";

/**
 * Lets an element take the focus when it appears, where it comes in the place of the button that was pressed: otherwise
 * who uses a keyboard starts again at the top. The element needs `tabIndex={-1}`, if it is no control.
 */
export function useFocus<Element extends HTMLElement>(isWanted = true): RefObject<Element | null> {
  const element = useRef<Element>(null);
  useEffect(() => {
    if (isWanted) element.current?.focus();
  }, [isWanted]);
  return element;
}
