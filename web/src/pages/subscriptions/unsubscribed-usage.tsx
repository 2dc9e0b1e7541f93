/** Who used what without a subscription. */
import { Text } from '@mantine/core';
import { api, dataOf } from '../../api/client.ts';
import type { components } from '../../api/schema.d.ts';
import type { Column } from '../../parts/data-table.tsx';
import { ListView } from '../../parts/list-view.tsx';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import { digits } from '../../parts/words.ts';

type Row = components['schemas']['UnsubscribedUsage'];

const COLUMNS: readonly Column<Row>[] = [
  { head: 'Tenant', cell: ({ tenant }) => tenant },
  { head: 'SKU', cell: ({ product_sku }) => product_sku },
  { head: 'Pulses', cell: ({ pulse_count }) => digits(pulse_count), numeric: true },
  { head: 'First seen', cell: ({ first_seen_at }) => <Time at={first_seen_at} />, wideOnly: true },
  { head: 'Last seen', cell: ({ last_seen_at }) => <Time at={last_seen_at} /> },
];

export function UnsubscribedUsage() {
  const list = useList(['unsubscribed'], (after, signal) =>
    dataOf(
      api.GET('/api/v1/unsubscribed-usage', {
        params: { query: { limit: 100, ...(after === undefined ? {} : { after }) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Text size="sm" mb="sm">
        For people, not for bills: a pulse that is delivered twice counts twice here. What was not
        seen for 35 days is forgotten.
      </Text>
      <ListView
        label="Usage without a subscription"
        list={list}
        columns={COLUMNS}
        rowKey={({ tenant, product_sku }) => JSON.stringify([tenant, product_sku])}
        pathOf={({ tenant }) =>
          `/dead-letters?reason=no_subscription&tenant=${encodeURIComponent(tenant)}`
        }
        empty="No usage without a subscription was seen. It is only looked for where ADMISSION is observe or enforce."
      />
    </>
  );
}
