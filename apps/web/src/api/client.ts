import type { AppRouter } from "@driftlock/api/trpc";
import { QueryCache, QueryClient, MutationCache } from "@tanstack/react-query";
import { createTRPCClient, httpLink } from "@trpc/client";
import { createTRPCContext } from "@trpc/tanstack-react-query";
import type { Session } from "../session/session.ts";
import { endsSession, readProblem } from "./problem.ts";

export const { TRPCProvider, useTRPC } = createTRPCContext<AppRouter>();

const retriesMax = 3;
const isPassing = (error: unknown): boolean => readProblem(error).retryAfterSeconds !== null;

/** Queries are tried again while that can help; what changes something never is: its button asks the user. */
export function createQueryClient(onError: (error: unknown) => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        networkMode: "always",
        staleTime: 2_000,
        retry: (failures, error) => failures < retriesMax && isPassing(error),
        retryDelay: (failures, error) => 1_000 * Math.max(0.5 * 2 ** failures, retryAfterOf(error)),
      },
      mutations: { networkMode: "always" },
    },
  });
}

// A server that names its time is given it; one that is silent is asked again sooner.
function retryAfterOf(error: unknown): number {
  const problem = readProblem(error);
  return problem.code === "UNREACHABLE" ? 0 : Math.min(problem.retryAfterSeconds ?? 0, 30);
}

/** The gateway as one session sees it; a token that is refused ends the session. */
export function createApi(session: Session, userToken: string | null) {
  const queryClient = createQueryClient((error) => {
    if (userToken !== null && endsSession(readProblem(error))) session.expire(userToken);
  });
  const trpcClient = createTRPCClient<AppRouter>({
    links: [
      // One request for each call: an answer that is slow or fails holds up no other.
      httpLink({
        url: "/trpc",
        headers: userToken === null ? {} : { authorization: `Bearer ${userToken}` },
      }),
    ],
  });
  return { queryClient, trpcClient };
}
