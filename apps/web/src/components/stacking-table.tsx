import type { ReactNode } from "react";

export interface Column<Row> {
  label: string;
  cell: (row: Row) => ReactNode;
  /** Quantities and money, one under the other. */
  isNumber?: boolean;
  /** What can be done about a row: nobody needs to see what that column is called. */
  isAction?: boolean;
}

interface StackingTableProps<Row> {
  /** The first one names the row. */
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row, index: number) => string | number;
  /** For who cannot see what it stands below. */
  caption?: string;
  /** Its sums: <SumRow>. */
  foot?: ReactNode;
}

/** A table that becomes one entry below the other on a phone, each value with its column's name. */
export function StackingTable<Row>({ columns, rows, keyOf, caption, foot }: StackingTableProps<Row>) {
  return (
    <table className="stacking">
      {caption !== undefined && <caption className="hidden">{caption}</caption>}
      <thead>
        <tr>
          {columns.map(({ label, isNumber, isAction }) => (
            <th key={label} scope="col" className={isNumber ? "number" : undefined}>
              {isAction ? <span className="hidden">{label}</span> : label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={keyOf(row, index)}>
            {columns.map((column, place) => (
              <Cell key={column.label} column={column} row={row} isName={place === 0} />
            ))}
          </tr>
        ))}
      </tbody>
      {foot !== undefined && <tfoot>{foot}</tfoot>}
    </table>
  );
}

function Cell<Row>({ column, row, isName }: { column: Column<Row>; row: Row; isName: boolean }) {
  const { label, cell, isNumber, isAction } = column;
  if (isAction) return <td className="row-action">{cell(row)}</td>;
  // On a phone a cell is its label and one more part.
  const content = <span>{cell(row)}</span>;
  return isName ? (
    <th scope="row" data-label={label}>
      {content}
    </th>
  ) : (
    <td data-label={label} className={isNumber ? "number" : undefined}>
      {content}
    </td>
  );
}

/** A sum below a table of so many columns. */
export const SumRow = ({ label, amount, columns }: { label: string; amount: string; columns: number }) => (
  <tr>
    <th scope="row" colSpan={columns - 1}>
      {label}
    </th>
    <td className="number">
      <strong>{amount}</strong>
    </td>
  </tr>
);
