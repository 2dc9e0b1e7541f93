/** Customers: who orders and pays. */
import { Group, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { api, dataOf } from '../../api/client.ts';
import type { components } from '../../api/schema.d.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Filters } from '../../parts/filters.tsx';
import { PageLink, useHref } from '../../parts/link.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { emptyFields } from '../../parts/missing.ts';
import { Page } from '../../parts/page.tsx';
import { useParameter, useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { FormFields, type Field } from './form-fields.tsx';
import { useMayEdit } from './may-edit.ts';

type Customer = components['schemas']['Customer'];
type Name = 'id' | 'name' | 'email' | 'tenant';

const FIELDS: readonly Field<Name>[] = [
  { name: 'id', label: 'Id', required: true },
  { name: 'name', label: 'Name', required: true },
  { name: 'email', label: 'Email' },
  { name: 'tenant', label: 'Tenant whose pulses bill the customer' },
];
const EMPTY = { id: '', name: '', email: '', tenant: '' };

const COLUMNS: readonly Column<Customer>[] = [
  { head: 'Id', cell: ({ id }) => <bdi>{id}</bdi> },
  { head: 'Name', cell: ({ name }) => <bdi>{name}</bdi> },
  { head: 'Tenant', cell: ({ tenant }) => <bdi>{tenant ?? '–'}</bdi> },
  { head: 'Email', cell: ({ email }) => <bdi>{email ?? '–'}</bdi> },
];

export function CustomersList() {
  const [parameters] = useParameters();
  const tenant = parameters.get('tenant') ?? '';
  const [, navigate] = useLocation();
  const href = useHref();
  const question = tenant === '' ? {} : { tenant };
  const customers = useList(['customers', tenant], (after, signal) =>
    dataOf(
      api.GET('/api/v1/customers', {
        params: { query: { ...question, ...(after === undefined ? {} : { after }) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Group justify="space-between" align="flex-start">
        <Filters filters={[{ name: 'tenant', label: 'Tenant', kind: 'text' }]} />
        <Group gap="xs">
          <CopyButton label="Copy as curl" text={curlOf('/api/v1/customers', question)} />
          <AddCustomer />
        </Group>
      </Group>
      <Loaded query={customers}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>There are no such customers.</Empty>
          ) : (
            <DataTable
              label="Customers"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ id }) => id}
              onOpen={({ id }) => {
                navigate(href(`/catalogue/customers/${encodeURIComponent(id)}`));
              }}
              hasMore={customers.hasMore}
              loadMore={customers.loadMore}
            />
          )
        }
      </Loaded>
    </>
  );
}

export function CustomerDetail({ id }: { readonly id: string }) {
  const customer = useQuery({
    queryKey: ['customer', id],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/customers/{id}', { params: { path: { id } }, signal })),
  });
  const { data } = customer;
  return (
    <Page
      title={`Customer ${id}`}
      actions={
        <Group gap="xs">
          <CopyButton
            label="Copy as curl"
            text={curlOf(`/api/v1/customers/${encodeURIComponent(id)}`)}
          />
          {data === undefined ? null : <PutCustomer label="Edit" customer={data} />}
        </Group>
      }
    >
      <PageLink to="/catalogue?tab=customers">All customers</PageLink>
      <Loaded query={customer}>
        {({ name, email, tenant }) => (
          <Facts
            facts={[
              ['Name', <bdi key="name">{name}</bdi>],
              ['Email', email === null ? null : <bdi key="email">{email}</bdi>],
              [
                'Tenant',
                tenant === null ? null : (
                  <PageLink key="tenant" to={`/usage?tenant=${encodeURIComponent(tenant)}`}>
                    <bdi>{tenant}</bdi>
                  </PageLink>
                ),
              ],
            ]}
          />
        )}
      </Loaded>
    </Page>
  );
}

/** With the id of the address, such as that of an order which failed without the customer. */
function AddCustomer() {
  const [id, setId] = useParameter('add');
  return (
    <PutCustomer
      key={id}
      label="Add a customer"
      id={id}
      onDone={() => {
        setId('');
      }}
    />
  );
}

function PutCustomer({
  label,
  customer,
  id: wanted = '',
  onDone,
}: {
  readonly label: string;
  readonly customer?: Customer;
  /** Of a new customer; not empty: the dialog is open. */
  readonly id?: string;
  readonly onDone?: () => void;
}) {
  const queries = useQueryClient();
  const [values, setValues] = useState<Record<Name, string>>({ ...EMPTY, id: wanted });
  const { id, name, email, tenant } = values;
  return (
    <ConfirmButton
      label={label}
      confirmLabel="Save"
      startsOpen={wanted !== ''}
      {...useMayEdit()}
      onOpen={() => {
        if (customer === undefined) return;
        setValues({ ...customer, email: customer.email ?? '', tenant: customer.tenant ?? '' });
      }}
      missing={emptyFields({ Id: id, Name: name })}
      run={async () => {
        await dataOf(
          api.PUT('/api/v1/customers/{id}', {
            params: { path: { id } },
            body: {
              name,
              ...(email === '' ? {} : { email }),
              ...(tenant === '' ? {} : { tenant }),
            },
          }),
        );
        return `Customer ${id} is saved.`;
      }}
      onDone={() => {
        if (customer === undefined) setValues(EMPTY);
        void queries.invalidateQueries({ queryKey: ['customers'] });
        void queries.invalidateQueries({ queryKey: ['customer', id] });
        onDone?.();
      }}
    >
      <FormFields
        fields={customer === undefined ? FIELDS : FIELDS.slice(1)}
        values={values}
        onChange={setValues}
      />
      <Text size="xs" mt="xs">
        {customer === undefined ? 'A customer who has this id is replaced. ' : ''}
        Orders that are enriched already keep the customer as it was.
      </Text>
    </ConfirmButton>
  );
}
