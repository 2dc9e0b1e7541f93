/** Who may send events. */
import { Group, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import type { Column } from '../../parts/data-table.tsx';
import { ListView } from '../../parts/list-view.tsx';
import { emptyFields } from '../../parts/missing.ts';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import { afterIf, KEYS, LIMIT, refresh, type Producer } from './event-queries.ts';

const COLUMNS: readonly Column<Producer>[] = [
  { head: 'Producer', cell: ({ id }) => id },
  { head: 'Name', cell: ({ name }) => name ?? '–' },
  { head: 'Registered', cell: ({ created_at }) => <Time at={created_at} />, wideOnly: true },
  { head: 'Changed', cell: ({ updated_at }) => <Time at={updated_at} />, wideOnly: true },
];

export function ProducersTab() {
  const me = useMe();
  const list = useList([KEYS.producers], (after, signal) =>
    dataOf(
      api.GET('/api/v1/producers', {
        params: { query: { limit: LIMIT, ...afterIf(after) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Group justify="flex-end" mb="sm">
        {hasRole(me, 'operator') && me?.tenants === undefined ? <ProducerForm /> : null}
      </Group>
      <ListView
        label="Producers"
        list={list}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        pathOf={({ id }) => `/events/messages?producer=${encodeURIComponent(id)}`}
        empty="No producer is registered."
      />
    </>
  );
}

function ProducerForm() {
  const [id, setId] = useState('');
  const [name, setName] = useState('');
  return (
    <ConfirmButton
      label="Register or rename"
      confirmLabel="Store"
      missing={emptyFields({ Id: id })}
      run={async () => {
        await dataOf(
          api.PUT('/api/v1/producers/{id}', {
            params: { path: { id } },
            body: name === '' ? {} : { name },
          }),
        );
        return `The producer ${id} is registered.`;
      }}
      onDone={() => {
        refresh('producers');
      }}
    >
      <TextInput
        label="Id"
        description="What its events have as `producer`. If it is registered, it gets the name below."
        required
        maxLength={128}
        value={id}
        onChange={(event) => {
          setId(event.currentTarget.value);
        }}
      />
      <TextInput
        label="Name"
        maxLength={256}
        value={name}
        onChange={(event) => {
          setName(event.currentTarget.value);
        }}
      />
    </ConfirmButton>
  );
}
