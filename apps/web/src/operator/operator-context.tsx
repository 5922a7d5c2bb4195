import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useState } from "react";
import { Notice } from "../components/notice.tsx";
import type { OperatorApi, Query } from "./operator-api.ts";

const OperatorContext = createContext<OperatorApi | null>(null);

export const OperatorProvider = ({ api, children }: { api: OperatorApi; children: ReactNode }) => (
  <OperatorContext value={api}>{children}</OperatorContext>
);

export function useOperatorApi(): OperatorApi {
  const api = useContext(OperatorContext);
  if (api === null) throw new Error("useOperatorApi is for below OperatorProvider");
  return api;
}

/** What came of the latest action on a page. It outlives what was acted on, which may leave the list by it. */
interface Told {
  title: string;
  detail?: ReactNode;
}

interface Answers {
  told: Told | null;
  /** How many there were: the same words may answer to two things. */
  count: number;
  tell: (told: Told) => void;
}

const AnswerContext = createContext<Answers>({ told: null, count: 0, tell: () => {} });

export function AnswerProvider({ children }: { children: ReactNode }) {
  const [latest, setLatest] = useState<Omit<Answers, "tell">>({ told: null, count: 0 });
  const tell = (told: Told) => setLatest(({ count }) => ({ told, count: count + 1 }));
  return <AnswerContext value={{ ...latest, tell }}>{children}</AnswerContext>;
}

/** Where a page says what came of its latest action. */
export function Answer() {
  const { told, count } = useContext(AnswerContext);
  return told === null ? null : (
    <Notice key={count} isAnswer tone="good" title={told.title}>
      {told.detail}
    </Notice>
  );
}

const refreshEveryMs = 15_000;
const pageSize = "25";

/** One object; looked at again, because work goes on without us. */
export function useOperatorObject<T>(path: string) {
  const api = useOperatorApi();
  return useQuery({
    queryKey: ["operator", path],
    queryFn: () => api.get<T>(path),
    refetchInterval: refreshEveryMs,
  });
}

/** A list, a page at a time. */
export function useOperatorList<T>(path: string, query: Query = {}) {
  const api = useOperatorApi();
  return useInfiniteQuery({
    queryKey: ["operator", path, query],
    queryFn: ({ pageParam }) =>
      api.get<{ data: T[]; nextCursor: string | null }>(path, {
        ...query,
        limit: pageSize,
        cursor: pageParam,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
    refetchInterval: refreshEveryMs,
  });
}

interface Action<T> {
  path: string;
  /** What is told once it is done. */
  answer: (done: T) => Told;
}

/** Something that changes the system; everything is read anew after it, and also where its answer was lost. */
export function useOperatorAction<T>({ path, answer }: Action<T>) {
  const api = useOperatorApi();
  const { tell } = useContext(AnswerContext);
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () => api.post<T>(path),
    onSuccess: (done) => tell(answer(done)),
    onSettled: () => queryClient.invalidateQueries(),
  });
}

/** What something would come to; it changes nothing. */
export function useOperatorPreview<T>(path: string, body: unknown) {
  const api = useOperatorApi();
  return useMutation({ mutationFn: () => api.post<T>(path, body) });
}
