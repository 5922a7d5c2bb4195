import { type UseQueryResult, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { readProblem } from "../api/problem.ts";
import { problemWords } from "../api/problem-words.ts";
import { ProblemNotice } from "./problem-notice.tsx";

interface LoadedProps<Data> {
  query: UseQueryResult<Data, unknown>;
  /** What is being loaded, for who waits: "your usage". */
  what: string;
  children: (data: Data) => ReactNode;
}

/** A query's data, or what stands in for it. Data that was there stays when a later refresh fails. */
export function Loaded<Data>({ query, what, children }: LoadedProps<Data>) {
  const queryClient = useQueryClient();
  // What failed beside it failed for the same reason, most likely.
  const retry = () =>
    void queryClient.refetchQueries({ type: "active", predicate: ({ state }) => state.status === "error" });
  if (query.data !== undefined) {
    return (
      <>
        {query.isRefetchError && (
          <p className="muted" role="status">
            This may be out of date: {problemWords(readProblem(query.error)).title.toLowerCase()}.{" "}
            <button type="button" className="as-link" onClick={retry}>
              Refresh
            </button>
          </p>
        )}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <ProblemNotice error={query.error} retry={retry} />;
  return (
    <p className="loading" role="status">
      {query.failureCount > 0
        ? `${problemWords(readProblem(query.failureReason)).title}. Trying again…`
        : `Loading ${what}…`}
    </p>
  );
}
