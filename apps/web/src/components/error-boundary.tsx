import { Component, type ReactNode } from "react";
import { Notice } from "./notice.tsx";

/** A fault of the page itself ends in words, not in an empty window. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError(): { isBroken: boolean } {
    return { isBroken: true };
  }

  override render(): ReactNode {
    if (!this.state.isBroken) return this.props.children;
    return (
      <Notice
        tone="danger"
        title="This page has a fault"
        actions={
          <button type="button" onClick={() => location.reload()}>
            Load it again
          </button>
        }
      >
        Nothing of your account has changed because of it.
      </Notice>
    );
  }
}
