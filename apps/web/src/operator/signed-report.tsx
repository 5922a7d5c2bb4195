import type { ReconciliationReportDto } from "@driftlock/contracts";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ActionButton } from "../components/action-button.tsx";
import { Notice } from "../components/notice.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import type { OperatorApi } from "./operator-api.ts";
import { useOperatorApi } from "./operator-context.tsx";

interface Span {
  /** Days in UTC, as 2026-11-01; the second one is left out. */
  from: string;
  to: string;
}

/** The comparisons of a time as files that anybody can check without us. */
export function SignedReport() {
  const api = useOperatorApi();
  const [span, setSpan] = useState<Span>({ from: "", to: "" });
  const download = useMutation({ mutationFn: () => downloadReport(api, span) });
  const change = (part: Partial<Span>) => {
    setSpan((before) => ({ ...before, ...part }));
    // What was saved is of the time that was asked for then.
    if (!download.isPending) download.reset();
  };
  return (
    <section className="panel" aria-labelledby="report-title">
      <h2 id="report-title">Signed report</h2>
      <p>
        The comparisons of all periods that ended in a time, signed by this installation. Whoever has a file
        and the{" "}
        <a href="/billing/report-keys" download="report-keys.json">
          public keys
        </a>{" "}
        can check it without us.
      </p>
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
          if (!download.isPending) download.mutate();
        }}
      >
        <label className="field">
          Ended from (UTC)
          <input
            type="date"
            required
            value={span.from}
            onChange={({ target }) => change({ from: target.value })}
          />
        </label>
        <label className="field">
          and before
          <input
            type="date"
            required
            value={span.to}
            onChange={({ target }) => change({ to: target.value })}
          />
        </label>
        <ActionButton type="submit" isPending={download.isPending}>
          Download
        </ActionButton>
      </form>
      {download.isError && <ProblemNotice error={download.error} />}
      {download.data !== undefined && (
        <Notice
          tone="good"
          title={`${download.data.rows} ${download.data.rows === 1 ? "comparison" : "comparisons"} in ${download.data.files} ${download.data.files === 1 ? "file" : "files"}`}
        >
          Signed with the key <code>{download.data.keyId}</code>.
        </Notice>
      )}
    </section>
  );
}

/** Saves each page of the report as a file of its own, as it was sent: each has its own signature. */
async function downloadReport(api: OperatorApi, { from, to }: Span) {
  const bounds = { from: `${from}T00:00:00Z`, to: `${to}T00:00:00Z` };
  let cursor: string | null = null;
  let [files, rows, keyId] = [0, 0, ""];
  do {
    const text = await api.text("/reconciliation/report", { ...bounds, cursor });
    const page = JSON.parse(text) as ReconciliationReportDto;
    files += 1;
    rows += page.payload.rows.length;
    keyId = page.signature.keyId;
    cursor = page.payload.nextCursor;
    saveFile(`reconciliation-${from}-${to}-${files}.json`, text);
  } while (cursor !== null);
  return { files, rows, keyId };
}

function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
