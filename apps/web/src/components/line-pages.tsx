import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTRPC } from "../api/client.ts";
import { formatMetric } from "../format/metric.ts";
import { ActionButton } from "./action-button.tsx";
import { Instant } from "./instant.tsx";
import { Loaded } from "./loaded.tsx";

interface LinePagesProps {
  invoiceId: string;
  metric: string;
}

const pageSize = 50;
const nextOf = ({ nextCursor }: { nextCursor: string | null }) => nextCursor;

/** The events behind a metric's lines, by id, a page at a time. */
export function LineEvents({ invoiceId, metric }: LinePagesProps) {
  const [isOpen, setIsOpen] = useState(false);
  const events = useInfiniteQuery(
    useTRPC().invoices.events.infiniteQueryOptions(
      { invoiceId, metric, limit: pageSize },
      { enabled: isOpen, getNextPageParam: nextOf },
    ),
  );
  return (
    <Fold title="The events by their ids" onOpen={() => setIsOpen(true)}>
      <Loaded query={events} what="the events">
        {({ pages }) => (
          <table className="stacking">
            <thead>
              <tr>
                <th scope="col">Id</th>
                <th scope="col">Happened</th>
                <th scope="col" className="number">
                  Quantity
                </th>
              </tr>
            </thead>
            <tbody>
              {pages
                .flatMap(({ data }) => data)
                .map(({ id, quantity, timestamp, isLate }) => (
                  <tr key={id}>
                    <th scope="row" data-label="Id">
                      <code>{id}</code>
                    </th>
                    <td data-label="Happened">
                      <Instant at={timestamp} style="minute" />
                      {isLate && ", came late"}
                    </td>
                    <td data-label="Quantity" className="number">
                      {formatMetric(metric, quantity)}
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        )}
      </Loaded>
      <More query={events} />
    </Fold>
  );
}

/** What Stripe's meter was told for a metric's lines. */
export function LineReports({ invoiceId, metric }: LinePagesProps) {
  const [isOpen, setIsOpen] = useState(false);
  const reports = useInfiniteQuery(
    useTRPC().invoices.reports.infiniteQueryOptions(
      { invoiceId, metric, limit: pageSize },
      { enabled: isOpen, getNextPageParam: nextOf },
    ),
  );
  return (
    <Fold title="The windows that Stripe was told" onOpen={() => setIsOpen(true)}>
      <Loaded query={reports} what="the windows">
        {({ pages }) => (
          <table className="stacking">
            <thead>
              <tr>
                <th scope="col">Identifier at Stripe’s meter</th>
                <th scope="col">Made</th>
                <th scope="col">State</th>
                <th scope="col" className="number">
                  From – to
                </th>
              </tr>
            </thead>
            <tbody>
              {pages
                .flatMap(({ data }) => data)
                .map(({ identifier, frozenAt, state, fromQuantity, toQuantity }) => (
                  <tr key={identifier}>
                    <th scope="row" data-label="Identifier">
                      <code>{identifier}</code>
                    </th>
                    <td data-label="Made">
                      <Instant at={frozenAt} style="minute" />
                    </td>
                    <td data-label="State">{state}</td>
                    <td data-label="From – to" className="number">
                      {formatMetric(metric, fromQuantity)} – {formatMetric(metric, toQuantity)}
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        )}
      </Loaded>
      <More query={reports} />
    </Fold>
  );
}

/** What is loaded once somebody wants to see it. */
const Fold = ({ title, onOpen, children }: { title: string; onOpen: () => void; children: ReactNode }) => (
  <details
    className="fold"
    onToggle={(event) => {
      if (event.currentTarget.open) onOpen();
    }}
  >
    <summary>{title}</summary>
    {children}
  </details>
);

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

const More = ({ query }: { query: Pages }) =>
  query.hasNextPage && (
    <div className="actions">
      <ActionButton
        look="plain"
        isPending={query.isFetchingNextPage}
        onClick={() => void query.fetchNextPage()}
      >
        Show more
      </ActionButton>
    </div>
  );
