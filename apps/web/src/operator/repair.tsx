import type { RepairDto } from "@driftlock/contracts";
import { ActionButton } from "../components/action-button.tsx";
import { ProblemNotice } from "../components/problem-notice.tsx";
import { useOperatorAction, useOperatorPreview } from "./operator-context.tsx";
import { stepWords } from "./reconciliation-words.ts";

/** The repair of a comparison: what it would do is shown before it can be done. */
export function Repair({ id, name }: { id: string; name: string }) {
  const path = `/reconciliation/${id}/repair`;
  const preview = useOperatorPreview<RepairDto>(path, { preview: true });
  const repair = useOperatorAction<RepairDto>({
    path,
    answer: (done) => ({
      title: `The repair of ${name} is done`,
      detail: (
        <>
          <Steps repair={done} />
          <p>It is in the audit log. The period is compared again, and shows as repaired once it agrees.</p>
        </>
      ),
    }),
  });
  // What it would have done is not what another one would do.
  const repairOnce = () => repair.mutate(undefined, { onSuccess: preview.reset });
  const canMend = preview.data !== undefined && preview.data.steps.length > 0;
  return (
    <>
      {preview.data !== undefined && (
        <div className="difference" role="status">
          <p>
            <strong>{canMend ? "A repair would:" : "A repair would do nothing."}</strong>
          </p>
          <Steps repair={preview.data} />
        </div>
      )}
      {preview.isError && <ProblemNotice error={preview.error} />}
      {repair.isError && <ProblemNotice error={repair.error} />}
      <div className="actions">
        <ActionButton look="plain" isPending={preview.isPending} onClick={() => preview.mutate()}>
          {preview.data === undefined ? "What would a repair do?" : "Look again"}
        </ActionButton>
        {canMend && (
          <ActionButton isPending={repair.isPending} onClick={repairOnce}>
            Do it
          </ActionButton>
        )}
      </div>
    </>
  );
}

function Steps({ repair: { steps, left } }: { repair: RepairDto }) {
  return (
    <ul className="steps">
      {steps.map((step) => (
        <li key={`${step.kind} ${step.metric} ${step.object ?? ""}`}>{stepWords(step)}</li>
      ))}
      {left.map(({ kind, reason }) => (
        <li key={`${kind} ${reason}`}>
          Left to you ({kind}): {reason}
        </li>
      ))}
    </ul>
  );
}
