import { useEffect } from "react";

/**
 * Calls back where the browser's Back button shows this page again as it was left, without loading it: what was on its way
 * to another page then is so no more.
 */
export function useReturn(onReturn: () => void): void {
  useEffect(() => {
    const listen = ({ persisted }: PageTransitionEvent) => {
      if (persisted) onReturn();
    };
    addEventListener("pageshow", listen);
    return () => removeEventListener("pageshow", listen);
  }, [onReturn]);
}
