/** One row of what a flush wrote. */
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { Facts } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { digits } from '../../parts/words.ts';

export function PulseDetail({ id }: { readonly id: string }) {
  const pulse = useQuery({
    queryKey: ['pulse', id],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/pulses/{id}', { params: { path: { id } }, signal })),
  });
  return (
    <Page
      title={`Pulses ${id}`}
      actions={
        <CopyButton
          label="Copy as curl"
          text={curlOf(`/api/v1/pulses/${encodeURIComponent(id)}`)}
        />
      }
    >
      <PageLink to="/pulses">All pulses</PageLink>
      <Loaded query={pulse}>
        {(row) => (
          <Facts
            facts={[
              [
                'Tenant',
                <PageLink key="tenant" to={`/usage?tenant=${encodeURIComponent(row.tenant)}`}>
                  <bdi>{row.tenant}</bdi>
                </PageLink>,
              ],
              ['SKU', <bdi key="sku">{row.product_sku}</bdi>],
              ['Amount', digits(row.used_amount)],
              ['Unit', <bdi key="unit">{row.use_unity}</bdi>],
              ['Pulses in the sum', digits(row.pulse_count)],
              ['Hour', <Time key="hour" at={row.window_start} />],
              ['Flushed', <Time key="flushed" at={row.flushed_at} />],
              ['Flush batch', row.flush_batch_id],
            ]}
          />
        )}
      </Loaded>
    </Page>
  );
}
