import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from "react";
import { matchRoute, type Route } from "./match-route.ts";

const moved = "driftlock:moved";

function subscribe(listener: () => void): () => void {
  addEventListener("popstate", listener);
  addEventListener(moved, listener);
  return () => {
    removeEventListener("popstate", listener);
    removeEventListener(moved, listener);
  };
}

const arrival = "arrival";

/** Goes to another page of ours without loading it anew. */
export function navigate(to: string): void {
  history.pushState(arrival, "", to);
  scrollTo(0, 0);
  dispatchEvent(new Event(moved));
}

/** Whether the present page was come to by a link of ours, and not loaded. */
export const isArrival = (): boolean => history.state === arrival;

const readAddress = () => location.pathname + location.search;

/** The present page, and the address that identifies it. */
export function useRoute(): { route: Route; address: string } {
  const address = useSyncExternalStore(subscribe, readAddress);
  const url = new URL(address, location.origin);
  return { route: matchRoute(url.pathname, url.search), address };
}

/** A link to a page of ours; opened in another tab, it is a plain one. */
export function Link({ to, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { to: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const isForBrowser =
      event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
    if (isForBrowser || event.defaultPrevented) return;
    event.preventDefault();
    navigate(to);
  };
  return <a href={to} onClick={follow} {...rest} />;
}
