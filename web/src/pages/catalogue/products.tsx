/** Products: what can be ordered or used. */
import { Checkbox, Group, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, dataOf } from '../../api/client.ts';
import type { components } from '../../api/schema.d.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { useHref } from '../../parts/link.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { emptyFields } from '../../parts/missing.ts';
import { StateBadge } from '../../parts/state-badge.tsx';
import { useParameter } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { FormFields, type Field } from './form-fields.tsx';
import { useMayEdit } from './may-edit.ts';
import { useUnitNames, withUnitsTab } from './unit-names.ts';

export type Product = components['schemas']['Product'];
type Name = 'sku' | 'name' | 'unit';

const FIELDS: readonly Field<Name>[] = [
  { name: 'sku', label: 'SKU', required: true },
  { name: 'name', label: 'Name', required: true },
];
const EMPTY = { sku: '', name: '', unit: '', active: true, recurring: false };

const COLUMNS: readonly Column<Product>[] = [
  { head: 'SKU', cell: ({ sku }) => <bdi>{sku}</bdi> },
  { head: 'Name', cell: ({ name }) => <bdi>{name}</bdi> },
  { head: 'Unit', cell: ({ unit }) => <bdi>{unit}</bdi> },
  { head: 'State', cell: ({ active }) => <StateBadge state={active ? 'active' : 'inactive'} /> },
  { head: 'Recurring', cell: ({ recurring }) => (recurring ? 'yes' : 'no') },
];

export function ProductsList() {
  const [, navigate] = useLocation();
  const href = useHref();
  const products = useList(['products'], (after, signal) =>
    dataOf(
      api.GET('/api/v1/products', {
        params: { query: after === undefined ? {} : { after } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Group justify="flex-end" gap="xs" mb="md">
        <CopyButton label="Copy as curl" text={curlOf('/api/v1/products')} />
        <AddProduct />
      </Group>
      <Loaded query={products}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>There are no products.</Empty>
          ) : (
            <DataTable
              label="Products"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ sku }) => sku}
              onOpen={({ sku }) => {
                navigate(href(`/catalogue/products/${encodeURIComponent(sku)}`));
              }}
              hasMore={products.hasMore}
              loadMore={products.loadMore}
            />
          )
        }
      </Loaded>
    </>
  );
}

/** With the SKU of the address, such as that of an order which failed without it. */
function AddProduct() {
  const [sku, setSku] = useParameter('add');
  return (
    <PutProduct
      key={sku}
      label="Add a product"
      sku={sku}
      onDone={() => {
        setSku('');
      }}
    />
  );
}

export function PutProduct({
  label,
  product,
  sku: wanted = '',
  onDone,
}: {
  readonly label: string;
  readonly product?: Product;
  /** Of a new product; not empty: its dialog is open. */
  readonly sku?: string;
  readonly onDone?: () => void;
}) {
  const queries = useQueryClient();
  const units = useUnitNames();
  const [values, setValues] = useState<Product>({ ...EMPTY, sku: wanted });
  const { sku, ...body } = values;
  return (
    <ConfirmButton
      label={label}
      confirmLabel="Save"
      startsOpen={wanted !== ''}
      {...useMayEdit()}
      onOpen={() => {
        if (product !== undefined) setValues(product);
      }}
      missing={emptyFields({ SKU: sku, Name: body.name, Unit: body.unit })}
      run={async () => {
        const params = { path: { sku } };
        await withUnitsTab(dataOf(api.PUT('/api/v1/products/{sku}', { params, body })));
        return `Product ${sku} is saved.`;
      }}
      onDone={() => {
        if (product === undefined) setValues(EMPTY);
        void queries.invalidateQueries({ queryKey: ['products'] });
        void queries.invalidateQueries({ queryKey: ['product', sku] });
        onDone?.();
      }}
    >
      <FormFields
        fields={[
          ...(product === undefined ? FIELDS : FIELDS.slice(1)),
          {
            ...{ name: 'unit', label: 'Unit', required: true, placeholder: 'GB·h' },
            ...(units === undefined ? {} : { choices: units }),
          },
        ]}
        values={values}
        onChange={(texts) => {
          setValues({ ...values, ...texts });
        }}
      />
      {(['active', 'recurring'] as const).map((name) => (
        <Checkbox
          key={name}
          mt="xs"
          label={name === 'active' ? 'Active: can be ordered' : 'Recurring'}
          checked={values[name]}
          onChange={(event) => {
            setValues({ ...values, [name]: event.currentTarget.checked });
          }}
        />
      ))}
      {product === undefined ? (
        <Text size="xs" mt="xs">
          A product that has this SKU is replaced. Its prices stay.
        </Text>
      ) : null}
    </ConfirmButton>
  );
}
