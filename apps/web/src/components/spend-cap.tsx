import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useSpendCap } from "../api/account-queries.ts";
import { useTRPC } from "../api/client.ts";
import type { SpendCap as Cap } from "../api/router-outputs.ts";
import { formatMoney, minorPerUnit } from "../format/money.ts";
import { ActionButton } from "./action-button.tsx";
import { Loaded } from "./loaded.tsx";
import { Notice } from "./notice.tsx";
import { ProblemNotice } from "./problem-notice.tsx";

/** What may be spent beyond what the plan includes, where the plan bills for more. */
export function SpendCap() {
  const cap = useSpendCap();
  return (
    <section className="panel" aria-labelledby="cap-title">
      <h2 id="cap-title">Spend cap</h2>
      <Loaded query={cap} what="your spend cap">
        {(data) => <CapForm cap={data} />}
      </Loaded>
    </section>
  );
}

const typedAmount = ({ amountMinor, currency }: Cap): string =>
  amountMinor === null ? "" : String(amountMinor / minorPerUnit(currency));

function CapForm({ cap }: { cap: Cap }) {
  const { amountMinor, currency } = cap;
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [amount, setAmount] = useState(typedAmount(cap));
  const change = useMutation(
    trpc.spendCap.set.mutationOptions({
      onSuccess: async (changed) => {
        setAmount(typedAmount(changed));
        queryClient.setQueryData(trpc.spendCap.get.queryKey(), changed);
        await queryClient.invalidateQueries({ queryKey: trpc.usage.get.queryKey() });
      },
    }),
  );
  const set = (next: number | null) => {
    if (!change.isPending) change.mutate({ amountMinor: next });
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        set(Math.round(Number(amount) * minorPerUnit(currency)));
      }}
    >
      <p className="muted">
        {amountMinor === null
          ? "There is none: what you use beyond the included amount is billed."
          : `Usage that would cost more than ${formatMoney(amountMinor, currency)} beyond the included amount is refused.`}
      </p>
      <div className="actions">
        <label>
          For each period, in {currency.toUpperCase()}{" "}
          <input
            type="number"
            min="0"
            step={1 / minorPerUnit(currency)}
            required
            value={amount}
            onChange={(event) => setAmount(event.target.value)}
          />
        </label>
        <ActionButton type="submit" isPending={change.isPending}>
          Set the cap
        </ActionButton>
        {amountMinor !== null && (
          <ActionButton look="plain" isPending={change.isPending} onClick={() => set(null)}>
            Take it away
          </ActionButton>
        )}
      </div>
      {change.isSuccess && (
        <Notice
          isAnswer
          tone="good"
          title={change.data.amountMinor === null ? "The cap is taken away" : "The cap is set"}
        />
      )}
      {change.isError && <ProblemNotice error={change.error} />}
    </form>
  );
}
