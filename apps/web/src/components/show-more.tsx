import { ActionButton } from "./action-button.tsx";
import { ProblemNotice } from "./problem-notice.tsx";

/** What of an infinite query is needed for its next page. */
interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  error: unknown;
  fetchNextPage: () => Promise<unknown>;
}

/** The button for the next page of a list, where there is one, and why it could not be had. */
export const ShowMore = ({ list, label = "Show more" }: { list: Pages; label?: string }) =>
  list.hasNextPage && (
    <>
      {list.isFetchNextPageError && <ProblemNotice error={list.error} />}
      <div className="actions">
        <ActionButton
          look="plain"
          isPending={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          {label}
        </ActionButton>
      </div>
    </>
  );
