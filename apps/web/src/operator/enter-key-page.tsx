import { QueryClient, QueryClientProvider, useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { readProblem } from "../api/problem.ts";
import { ActionButton } from "../components/action-button.tsx";
import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { createOperatorApi } from "./operator-api.ts";

interface EnterKeyPageProps {
  /** The key that was there is taken no more. */
  isRefused: boolean;
  onEnter: (key: string) => void;
}

/** Asks for an operator's key, and tries it before it is kept. */
export function EnterKeyPage(props: EnterKeyPageProps) {
  const [queryClient] = useState(() => new QueryClient());
  return (
    <QueryClientProvider client={queryClient}>
      <Page title="For operators" lead="Drift and its repair, unpaid invoices, what was set aside, accounts.">
        {props.isRefused && (
          <Notice tone="warning" title="Your key is not taken any more">
            It was revoked, or replaced by another. Enter the new one.
          </Notice>
        )}
        <KeyForm onEnter={props.onEnter} />
      </Page>
    </QueryClientProvider>
  );
}

function KeyForm({ onEnter }: Pick<EnterKeyPageProps, "onEnter">) {
  const [key, setKey] = useState("");
  const look = useMutation({
    networkMode: "always",
    mutationFn: (entered: string) => createOperatorApi(entered).get("/accounts", { limit: "1" }),
    onSuccess: (_accounts, entered) => onEnter(entered),
  });
  return (
    <form
      className="panel"
      onSubmit={(event) => {
        event.preventDefault();
        if (!look.isPending) look.mutate(key.trim());
      }}
    >
      <label className="field">
        Operator key
        <input
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
      </label>
      <p className="muted">
        A key of scope <code>operator</code>: <code>driftlock keys create --scope operator</code> makes the
        first. It stays in this tab, and is gone when the tab is closed.
      </p>
      {look.isError && <Refused error={look.error} />}
      <div className="actions">
        <ActionButton type="submit" isPending={look.isPending}>
          {look.isPending ? "Trying it…" : "Go on"}
        </ActionButton>
      </div>
    </form>
  );
}

function Refused({ error }: { error: unknown }) {
  switch (readProblem(error).code) {
    case "SCOPE_MISSING":
      return (
        <Notice tone="danger" title="This key is not an operator’s">
          It is a key, of another scope.
        </Notice>
      );
    case "UNAUTHENTICATED":
    case "KEY_REVOKED":
    case "TOKEN_EXPIRED":
      return <Notice tone="danger" title="This key is not taken" />;
    default:
      return <ProblemNotice error={error} />;
  }
}
