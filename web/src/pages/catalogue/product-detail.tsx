/** One product with its prices. */
import { Group, Text, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import type { components } from '../../api/schema.d.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Facts } from '../../parts/facts.tsx';
import { formatTime } from '../../parts/format-time.ts';
import { PageLink } from '../../parts/link.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { emptyFields } from '../../parts/missing.ts';
import { Page } from '../../parts/page.tsx';
import { instantOf } from '../../parts/range.ts';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import { digits } from '../../parts/words.ts';
import { useZone } from '../../parts/zone.ts';
import { FormFields, type Field } from './form-fields.tsx';
import { useMayEdit } from './may-edit.ts';
import { PutProduct } from './products.tsx';

type Price = components['schemas']['Price'];
type Name = 'currency' | 'unit_amount' | 'valid_from';

const FIELDS: readonly Field<Name>[] = [
  { name: 'currency', label: 'Currency', required: true, placeholder: 'USD' },
  { name: 'unit_amount', label: 'Price of one unit', required: true, placeholder: '0.025' },
  {
    name: 'valid_from',
    label: 'Valid from, in the zone of the page',
    required: true,
    placeholder: '2026-11-29 12:00',
  },
];
/** It is valid from now on until somebody types another time. */
const EMPTY = { currency: '', unit_amount: '', valid_from: undefined };

const COLUMNS: readonly Column<Price>[] = [
  { head: 'Valid from', cell: ({ valid_from: at }) => <Time at={at} /> },
  { head: 'Currency', cell: ({ currency }) => currency },
  { head: 'Price of a unit', cell: ({ unit_amount: amount }) => digits(amount), numeric: true },
  { head: 'By quantity', cell: ({ tiers }) => (tiers === null ? '–' : tiersText(tiers)) },
];

export function ProductDetail({ sku }: { readonly sku: string }) {
  const product = useQuery({
    queryKey: ['product', sku],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/products/{sku}', { params: { path: { sku } }, signal })),
  });
  const { data } = product;
  return (
    <Page
      title={`Product ${sku}`}
      actions={
        <Group gap="xs">
          <CopyButton
            label="Copy as curl"
            text={curlOf(`/api/v1/products/${encodeURIComponent(sku)}/prices`)}
          />
          {data === undefined ? null : <PutProduct label="Edit" product={data} />}
        </Group>
      }
    >
      <PageLink to="/catalogue?tab=products">All products</PageLink>
      <Loaded query={product}>
        {({ name, unit, active, recurring }) => (
          <>
            <Facts
              facts={[
                ['Name', <bdi key="name">{name}</bdi>],
                ['Unit', <bdi key="unit">{unit}</bdi>],
                ['State', <StateBadge key="state" state={active ? 'active' : 'inactive'} />],
                ['Recurring', recurring ? 'yes' : 'no'],
                [
                  'Usage',
                  <PageLink key="usage" to={`/usage?product_sku=${encodeURIComponent(sku)}`}>
                    Usage of the SKU
                  </PageLink>,
                ],
              ]}
            />
            <Prices sku={sku} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Prices({ sku }: { readonly sku: string }) {
  const prices = useList(['prices', sku], (after, signal) =>
    dataOf(
      api.GET('/api/v1/products/{sku}/prices', {
        params: { path: { sku }, query: after === undefined ? {} : { after } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5">
          Prices
        </Title>
        <AddPrice sku={sku} />
      </Group>
      <Loaded query={prices}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>There are no prices, so the product cannot be ordered.</Empty>
          ) : (
            <DataTable
              label="Prices"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ currency, valid_from: at }) => `${currency} ${at}`}
              hasMore={prices.hasMore}
              loadMore={prices.loadMore}
            />
          )
        }
      </Loaded>
    </>
  );
}

function AddPrice({ sku }: { readonly sku: string }) {
  const queries = useQueryClient();
  const zone = useZone();
  const [typed, setTyped] = useState<Record<Name, string | undefined>>(EMPTY);
  const { currency = '', unit_amount = '', valid_from = nowIn(zone) } = typed;
  const values = { currency, unit_amount, valid_from };
  return (
    <ConfirmButton
      label="Add a price"
      confirmLabel="Add"
      {...useMayEdit()}
      missing={emptyFields({
        Currency: currency,
        'Price of one unit': unit_amount,
        'Valid from': valid_from,
      })}
      run={async () => {
        const body = { ...values, valid_from: instantOf(valid_from, zone) };
        const params = { path: { sku } };
        const price = await dataOf(api.POST('/api/v1/products/{sku}/prices', { params, body }));
        const from = `${formatTime(new Date(price.valid_from), zone)} (${zone})`;
        return `${sku} costs ${price.unit_amount} ${price.currency} from ${from} on.`;
      }}
      onDone={() => {
        setTyped(EMPTY);
        void queries.invalidateQueries({ queryKey: ['prices', sku] });
      }}
    >
      <FormFields
        fields={FIELDS}
        values={values}
        onChange={(next) => {
          const isSame = next.valid_from === valid_from;
          const code = next.currency.toUpperCase();
          setTyped({
            ...next,
            currency: code,
            valid_from: isSame ? typed.valid_from : next.valid_from,
          });
        }}
      />
      <Text size="xs" mt="xs">
        Prices are never changed or deleted: this one is the price of {sku} until a later one
        starts.
      </Text>
    </ConfirmButton>
  );
}

function nowIn(zone: string): string {
  return formatTime(new Date(), zone);
}

function tiersText({ mode, steps }: NonNullable<Price['tiers']>): string {
  const texts = steps.map(({ up_to: upTo, unit_amount: amount }) =>
    upTo === null ? `then ${digits(amount)}` : `up to ${digits(upTo)}: ${digits(amount)}`,
  );
  return `${mode}: ${texts.join('; ')}`;
}
