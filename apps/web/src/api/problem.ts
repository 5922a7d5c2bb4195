import { TRPCClientError } from "@trpc/client";

/** What went wrong, whatever it came through: the gateway's problem document, or no answer at all. */
export interface Problem {
  /** One of the error catalogue, or UNREACHABLE where nothing answered. */
  code: string;
  detail: string;
  /** Set where the same again can succeed. */
  retryAfterSeconds: number | null;
  requestId: string | null;
}

/** Nothing answered, or nothing that the gateway says. */
export const unreachable: Problem = {
  code: "UNREACHABLE",
  detail: "The server does not answer.",
  retryAfterSeconds: 2,
  requestId: null,
};

/** A problem that came by another way than tRPC. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Reads any error that a query or mutation ended with. */
export function readProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (!(error instanceof TRPCClientError)) return unreachable;
  const sent: unknown = error.data?.problem;
  if (!isProblemDocument(sent)) return unreachable;
  const response = error.meta?.["response"];
  return fromDocument(sent, response instanceof Response ? response.headers.get("retry-after") : null);
}

/** The same for an answer of a path that is not tRPC's. */
export async function readProblemResponse(response: Response): Promise<Problem> {
  const sent: unknown = await response.json().catch(() => null);
  return isProblemDocument(sent) ? fromDocument(sent, response.headers.get("retry-after")) : unreachable;
}

interface ProblemDocument {
  code: string;
  detail: string;
  status: number;
  requestId?: string;
}

function isProblemDocument(value: unknown): value is ProblemDocument {
  if (typeof value !== "object" || value === null) return false;
  return "code" in value && typeof value.code === "string" && "detail" in value && "status" in value;
}

function fromDocument(document: ProblemDocument, retryAfter: string | null): Problem {
  const isPassing = document.status === 503 || document.code === "RATE_LIMITED" || document.status === 500;
  return {
    code: document.code,
    detail: document.detail,
    retryAfterSeconds: isPassing ? Number(retryAfter ?? 2) || 2 : null,
    requestId: document.requestId ?? null,
  };
}

const sessionOver = new Set(["UNAUTHENTICATED", "TOKEN_EXPIRED", "KEY_REVOKED"]);

/** Whether only signing in again helps. */
export const endsSession = (problem: Problem): boolean => sessionOver.has(problem.code);
