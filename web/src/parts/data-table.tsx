/** A table of any length: draws only the rows in sight, and loads the next page when the end comes near. */
import { Button, Table } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type ReactNode } from 'react';
import { rememberRow, useFocusOnReturn } from './opened-row.ts';
import type { LoadMore } from './use-list.ts';

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers stand at the right. */
  readonly numeric?: boolean;
  /** A share of the width, as in `2fr`, or a fixed one. Default `1fr`. */
  readonly width?: string;
  /** Left out on narrow screens. */
  readonly wideOnly?: boolean;
}

export interface DataTableProps<Row> {
  /** For screen readers. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** Opens a row: by click, or by Enter on the row that `j` and `k` have chosen. */
  readonly onOpen?: ((row: Row) => void) | undefined;
  readonly hasMore?: boolean;
  readonly loadMore?: LoadMore | undefined;
}

const ROW_PX = 37;
/** Rows out of sight that are drawn. */
const OVERSCAN = 12;

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, rowKey, onOpen, hasMore = false, loadMore } = props;
  const frame = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
  });
  useFocusOnReturn({ label, rows, rowKey, frame, virtualizer });
  const open = (row: Row) => {
    if (onOpen === undefined) return;
    rememberRow(label, rowKey(row));
    onOpen(row);
  };
  const drawn = virtualizer.getVirtualItems();
  const lastDrawn = drawn.at(-1)?.index ?? 0;
  const isNearEnd = lastDrawn >= rows.length - OVERSCAN;
  useEffect(() => {
    if (hasMore && isNearEnd) loadMore?.({ byItself: true });
  }, [hasMore, isNearEnd, rows.length, loadMore]);
  const first = drawn[0]?.start ?? 0;
  const rest = virtualizer.getTotalSize() - (drawn.at(-1)?.end ?? 0);
  return (
    <div className="table-frame" ref={frame} tabIndex={0} role="region" aria-label={label}>
      <Table className="data-table" highlightOnHover={onOpen !== undefined} stickyHeader>
        <Table.Thead>
          <Table.Tr>
            {columns.map(({ head, numeric, wideOnly }) => (
              <Table.Th key={head} className={classes(numeric, wideOnly)}>
                {head}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          <Spacer height={first} />
          {drawn.map(({ index }) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <Table.Tr
                key={rowKey(row)}
                data-key={rowKey(row)}
                // Rows differ in height where cells have several lines.
                ref={virtualizer.measureElement}
                data-index={index}
                data-row={onOpen === undefined ? undefined : ''}
                tabIndex={onOpen === undefined ? undefined : 0}
                onClick={() => {
                  open(row);
                }}
                onKeyDown={(event) => {
                  if (event.key === 'Enter' && event.target === event.currentTarget) open(row);
                }}
              >
                {columns.map(({ head, cell, numeric, wideOnly }) => (
                  <Table.Td key={head} className={classes(numeric, wideOnly)}>
                    {cell(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            );
          })}
          <Spacer height={rest} />
        </Table.Tbody>
      </Table>
      {hasMore ? (
        <Button variant="subtle" size="compact-sm" onClick={() => loadMore?.()} fullWidth>
          Load more
        </Button>
      ) : null}
    </div>
  );
}

function Spacer({ height }: { readonly height: number }) {
  return height <= 0 ? null : <tr aria-hidden style={{ height }} />;
}

function classes(numeric = false, wideOnly = false): string {
  return [numeric ? 'numeric' : '', wideOnly ? 'wide-only' : ''].join(' ').trim();
}
