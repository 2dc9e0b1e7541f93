/** A list of the API, with what it shows while it loads, when it fails, and when it is empty. */
import type { ReactNode } from 'react';
import { useLocation } from 'wouter';
import { DataTable, type Column } from './data-table.tsx';
import { useHref } from './link.tsx';
import { Empty, Loaded } from './loaded.tsx';
import type { useList } from './use-list.ts';

interface ListProps<Row> {
  readonly label: string;
  readonly list: ReturnType<typeof useList<Row>>;
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  /** The address of a row's detail. */
  readonly pathOf?: (row: Row) => string;
  readonly empty: ReactNode;
}

export function ListView<Row>({ label, list, columns, rowKey, pathOf, empty }: ListProps<Row>) {
  const [, navigate] = useLocation();
  const href = useHref();
  return (
    <Loaded query={list}>
      {(rows) =>
        rows.length === 0 ? (
          <Empty>{empty}</Empty>
        ) : (
          <DataTable
            label={label}
            columns={columns}
            rows={rows}
            rowKey={rowKey}
            onOpen={
              pathOf === undefined
                ? undefined
                : (row) => {
                    navigate(href(pathOf(row)));
                  }
            }
            hasMore={list.hasMore}
            loadMore={list.loadMore}
          />
        )
      }
    </Loaded>
  );
}
