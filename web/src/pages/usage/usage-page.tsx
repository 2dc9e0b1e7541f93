/** Usage by tenant, SKU, unit and window. */
import { api, dataOf } from '../../api/client.ts';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { digits } from '../../parts/words.ts';
import { useZone } from '../../parts/zone.ts';

const read = (tenant: string | null, tz: string, after: string | undefined, signal: AbortSignal) =>
  dataOf(
    api.GET('/api/v1/usage', {
      params: {
        query: {
          ...(tenant === null ? {} : { tenant: [tenant] }),
          tz,
          window: 'hour',
          group_by: ['tenant', 'product_sku', 'use_unity'],
          limit: 200,
          ...(after === undefined ? {} : { after }),
        },
      },
      signal,
    }),
  );

type UsageRow = Awaited<ReturnType<typeof read>>['data'][number];

const COLUMNS: readonly Column<UsageRow>[] = [
  { head: 'Hour', cell: ({ window_start }) => <Time at={window_start} /> },
  { head: 'Tenant', cell: ({ tenant }) => tenant },
  { head: 'SKU', cell: ({ product_sku }) => product_sku },
  { head: 'Unit', cell: ({ use_unity }) => use_unity },
  { head: 'Amount', cell: ({ used_amount }) => digits(used_amount), numeric: true },
  { head: 'Pulses', cell: ({ pulse_count }) => digits(pulse_count), numeric: true },
];

export function UsagePage() {
  const [parameters] = useParameters();
  const tenant = parameters.get('tenant');
  const zone = useZone();
  const usage = useList(['usage', tenant, zone], (after, signal) =>
    read(tenant, zone, after, signal),
  );
  return (
    <Page title="Usage">
      <Filters filters={[{ name: 'tenant', label: 'Tenant', kind: 'text' }]} />
      <Loaded query={usage}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>Nothing was used.</Empty>
          ) : (
            <DataTable
              label="Usage"
              columns={COLUMNS}
              rows={rows}
              rowKey={(row) =>
                JSON.stringify([row.window_start, row.tenant, row.product_sku, row.use_unity])
              }
              hasMore={usage.hasMore}
              loadMore={usage.loadMore}
            />
          )
        }
      </Loaded>
    </Page>
  );
}
