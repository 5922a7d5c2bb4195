import { useInfiniteQuery } from "@tanstack/react-query";
import { useTRPC } from "../api/client.ts";
import { formatMetric } from "../format/metric.ts";
import { Fold } from "./fold.tsx";
import { Instant } from "./instant.tsx";
import { Loaded } from "./loaded.tsx";
import { ShowMore } from "./show-more.tsx";
import { StackingTable } from "./stacking-table.tsx";

interface LinePagesProps {
  invoiceId: string;
  metric: string;
}

const pageSize = 50;
const nextOf = ({ nextCursor }: { nextCursor: string | null }) => nextCursor;

/** What is behind a metric's lines, a page at a time: its events by id, and what Stripe's meter was told. */
export const LinePages = (of: LinePagesProps) => (
  <>
    <Fold title="The events by their ids">
      <LineEvents {...of} />
    </Fold>
    <Fold title="The windows that Stripe was told">
      <LineReports {...of} />
    </Fold>
  </>
);

function LineEvents({ invoiceId, metric }: LinePagesProps) {
  const events = useInfiniteQuery(
    useTRPC().invoices.events.infiniteQueryOptions(
      { invoiceId, metric, limit: pageSize },
      { getNextPageParam: nextOf },
    ),
  );
  return (
    <>
      <Loaded query={events} what="the events">
        {({ pages }) => (
          <StackingTable
            rows={pages.flatMap(({ data }) => data)}
            keyOf={({ id }) => id}
            columns={[
              { label: "Id", cell: ({ id }) => <code>{id}</code> },
              {
                label: "Happened",
                cell: ({ timestamp, isLate }) => (
                  <>
                    <Instant at={timestamp} style="minute" />
                    {isLate && ", came late"}
                  </>
                ),
              },
              { label: "Quantity", isNumber: true, cell: ({ quantity }) => formatMetric(metric, quantity) },
            ]}
          />
        )}
      </Loaded>
      <ShowMore list={events} />
    </>
  );
}

function LineReports({ invoiceId, metric }: LinePagesProps) {
  const reports = useInfiniteQuery(
    useTRPC().invoices.reports.infiniteQueryOptions(
      { invoiceId, metric, limit: pageSize },
      { getNextPageParam: nextOf },
    ),
  );
  return (
    <>
      <Loaded query={reports} what="the windows">
        {({ pages }) => (
          <StackingTable
            rows={pages.flatMap(({ data }) => data)}
            keyOf={({ identifier }) => identifier}
            columns={[
              { label: "Identifier at Stripe’s meter", cell: ({ identifier }) => <code>{identifier}</code> },
              { label: "Made", cell: ({ frozenAt }) => <Instant at={frozenAt} style="minute" /> },
              { label: "State", cell: ({ state }) => state },
              {
                label: "From – to",
                isNumber: true,
                cell: ({ fromQuantity, toQuantity }) =>
                  `${formatMetric(metric, fromQuantity)} – ${formatMetric(metric, toQuantity)}`,
              },
            ]}
          />
        )}
      </Loaded>
      <ShowMore list={reports} />
    </>
  );
}
