import { readProblem } from "../api/problem.ts";
import { problemWords } from "../api/problem-words.ts";
import { Link } from "../routing/navigation.tsx";
import { Notice } from "./notice.tsx";

/** An error in words, with its next step. */
export function ProblemNotice({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = readProblem(error);
  const { title, advice, link } = problemWords(problem);
  const canRetry = retry !== undefined && problem.retryAfterSeconds !== null;
  return (
    <Notice
      tone="danger"
      title={title}
      actions={
        (canRetry || link) && (
          <>
            {canRetry && (
              <button type="button" onClick={retry}>
                Try again
              </button>
            )}
            {link && (
              <Link className="button" to={link.to}>
                {link.label}
              </Link>
            )}
          </>
        )
      }
    >
      {advice}
    </Notice>
  );
}
