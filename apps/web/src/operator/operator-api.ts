import { ProblemError, readProblemResponse, unreachable } from "../api/problem.ts";

/** Filters and positions of a list; what is null or empty is left out. */
export type Query = Readonly<Record<string, string | null>>;

/** The operator's REST routes, with one key. Every call rejects with a ProblemError. */
export function createOperatorApi(key: string) {
  const call = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const response = await fetch(`/operator${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch(() => null);
    if (response === null) throw new ProblemError(unreachable);
    if (!response.ok) throw new ProblemError(await readProblemResponse(response));
    return response;
  };
  return {
    get: async <T>(path: string, query: Query = {}): Promise<T> =>
      (await (await call("GET", withQuery(path, query))).json()) as T,
    /** The answer as it was sent: what is signed stays as it is. */
    text: async (path: string, query: Query): Promise<string> =>
      (await call("GET", withQuery(path, query))).text(),
    post: async <T>(path: string, body: unknown = {}): Promise<T> =>
      (await (await call("POST", path, body)).json()) as T,
  };
}

export type OperatorApi = ReturnType<typeof createOperatorApi>;

function withQuery(path: string, query: Query): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
