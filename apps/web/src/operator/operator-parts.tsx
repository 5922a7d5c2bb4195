import type { UseMutationResult } from "@tanstack/react-query";
import { type ReactNode, type SubmitEvent, useRef, useState } from "react";
import { ActionButton } from "../components/action-button.tsx";
import { Loaded } from "../components/loaded.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { ShowMore } from "../components/show-more.tsx";
import { useFocus } from "../components/use-focus.ts";
import { Link, navigate } from "../routing/navigation.tsx";
import type { useOperatorList } from "./operator-context.tsx";

/** Names of what may be filtered by, as they are in the address. */
export type Filter = Readonly<Record<string, string>>;

interface FiltersProps {
  /** The page, without its filters. */
  to: string;
  filter: Filter;
  fields: readonly {
    name: string;
    label: string;
    /** A choice among these, the first being the default; without them, a text. */
    options?: readonly { value: string; label: string }[];
  }[];
}

/** Narrows a list down. What is chosen is in the address, so that it can be kept and sent on. */
export function Filters({ to, filter, fields }: FiltersProps) {
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const chosen = [...new FormData(event.currentTarget)].flatMap(([name, value]) =>
      typeof value === "string" && value.trim() !== "" ? [[name, value.trim()]] : [],
    );
    const query = new URLSearchParams(chosen).toString();
    navigate(query === "" ? to : `${to}?${query}`);
  };
  return (
    <form className="filters" onSubmit={submit}>
      {fields.map(({ name, label, options }) => (
        <label key={name} className="field">
          {label}
          {options === undefined ? (
            <input type="search" name={name} defaultValue={filter[name] ?? ""} autoComplete="off" />
          ) : (
            // Nothing happens at the choice itself: by the arrow keys every option on the way is one.
            <select name={name} defaultValue={filter[name] ?? ""}>
              {options.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.label}
                </option>
              ))}
            </select>
          )}
        </label>
      ))}
      <button type="submit">Show</button>
    </form>
  );
}

interface ListProps<T> {
  list: ReturnType<typeof useOperatorList<T>>;
  what: string;
  /** Said where there is nothing. */
  empty: ReactNode;
  children: (items: readonly T[]) => ReactNode;
}

/** A list as far as it is loaded, and the button for more of it. */
export function List<T>({ list, what, empty, children }: ListProps<T>) {
  return (
    <>
      <Loaded query={list} what={what}>
        {({ pages }) => {
          const items = pages.flatMap(({ data }) => data);
          return items.length === 0 ? <p className="empty panel">{empty}</p> : children(items);
        }}
      </Loaded>
      <ShowMore list={list} />
    </>
  );
}

interface DecisionProps {
  label: string;
  /** What follows, and that it cannot be taken back. */
  question: string;
  action: UseMutationResult<unknown, unknown, void>;
  isPrimary?: boolean;
}

/** A button for what has consequences: it tells them first. */
export function Decision({ label, question, action, isPrimary = false }: DecisionProps) {
  const [isAsking, setIsAsking] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const leave = () => {
    // What is on its way is not stopped by a No.
    if (action.isPending) return;
    opener.current?.focus();
    setIsAsking(false);
    action.reset();
  };
  return (
    <>
      <button
        ref={opener}
        type="button"
        aria-expanded={isAsking}
        onClick={isAsking ? leave : () => setIsAsking(true)}
      >
        {label}
      </button>
      {isAsking && (
        <Question label={label}>
          <p>{question}</p>
          {action.isError && <ProblemNotice error={action.error} />}
          <div className="actions">
            <ActionButton
              look={isPrimary ? "primary" : "danger"}
              isPending={action.isPending}
              onClick={() => action.mutate(undefined, { onSuccess: () => setIsAsking(false) })}
            >
              Yes: {label.charAt(0).toLowerCase() + label.slice(1)}
            </ActionButton>
            <ActionButton look="plain" isPending={action.isPending} onClick={leave}>
              No
            </ActionButton>
          </div>
        </Question>
      )}
    </>
  );
}

/** It has the focus as soon as it is asked, so that it is read out before its answers. */
function Question({ label, children }: { label: string; children: ReactNode }) {
  const group = useFocus<HTMLDivElement>();
  return (
    <div ref={group} className="decision" role="group" aria-label={label} tabIndex={-1}>
      {children}
    </div>
  );
}

/** An account by its id, leading to what is known of it. */
export const AccountLink = ({ id }: { id: string | null }) =>
  id === null ? <>–</> : <Link to={`/app/operator/accounts/${encodeURIComponent(id)}`}>{id}</Link>;
