import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "../api/client.ts";
import type { ChangePreview as Preview, Plan } from "../api/router-outputs.ts";
import { formatMoney } from "../format/money.ts";
import { Instant, Period } from "./instant.tsx";
import { Loaded } from "./loaded.tsx";

/** The money of a change of plan, by Stripe's own arithmetic, before anything is changed. */
export function ChangePreview({ plan }: { plan: Plan }) {
  // Prorations change with every second: never from memory.
  const preview = useQuery(
    useTRPC().subscription.preview.queryOptions({ planId: plan.id }, { staleTime: 0, gcTime: 0 }),
  );
  return (
    <section className="panel" aria-labelledby="preview-title">
      <h2 id="preview-title">What it costs</h2>
      <Loaded query={preview} what="the money">
        {(data) => <PreviewMoney preview={data} />}
      </Loaded>
    </section>
  );
}

function PreviewMoney({ preview: { amountDueMinor, currency, lines, effectiveAt } }: { preview: Preview }) {
  return (
    <>
      <p>
        The change takes effect on <Instant at={effectiveAt} style="minute" />.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">For</th>
            <th scope="col" className="number">
              Amount
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line, index) => (
            // Lines have no id of their own, and never change their places.
            <tr key={index}>
              <td>
                {line.description}
                <br />
                <small className="muted">
                  <Period period={line.period} />
                </small>
              </td>
              <td className="number">{formatMoney(line.amountMinor, currency)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Due with this change</th>
            <td className="number">
              <strong>{formatMoney(amountDueMinor, currency)}</strong>
            </td>
          </tr>
        </tfoot>
      </table>
    </>
  );
}
