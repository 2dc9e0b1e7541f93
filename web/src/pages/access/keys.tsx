/** The keys of machines: create one, which is shown once, and revoke. */
import { NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { queries } from '../../api/queries.ts';
import type { paths } from '../../api/schema.d.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { emptyFields } from '../../parts/missing.ts';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import { NO_RIGHTS, RightsFields, rightsFaults, rightsOf, scopeText } from './rights-fields.tsx';

type Key =
  paths['/api/v1/keys']['get']['responses']['200']['content']['application/json']['data'][number];

const DAYS_DEFAULT = 90;

const COLUMNS: readonly Column<Key>[] = [
  { head: 'Name', cell: ({ name }) => name },
  // Early, so that it is in sight on a narrow screen.
  { head: 'Change', cell: (key) => <Revoke apiKey={key} /> },
  { head: 'State', cell: (key) => <StateBadge state={stateOf(key)} /> },
  { head: 'Expires', cell: ({ expires_at }) => <Time at={expires_at} relative /> },
  { head: 'Role', cell: ({ role }) => role },
  { head: 'Tenants', cell: ({ tenants }) => scopeText(tenants) },
  { head: 'Id', cell: ({ id }) => <code>{id}</code>, wideOnly: true },
  { head: 'Last used', cell: ({ last_used_at }) => <Time at={last_used_at} />, wideOnly: true },
];

export function Keys() {
  const [created, setCreated] = useState<string>();
  const keys = useList(['keys'], (after, signal) =>
    dataOf(
      api.GET('/api/v1/keys', {
        params: { query: { limit: 200, ...(after === undefined ? {} : { after }) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <CreateKey onCreated={setCreated} />
      <SecretOnce
        title="Key"
        secret={created}
        onClose={() => {
          setCreated(undefined);
        }}
      >
        This is the new key.
      </SecretOnce>
      <Loaded query={keys}>
        {(rows) => (
          <DataTable
            label="Keys"
            columns={COLUMNS}
            rows={rows}
            rowKey={({ id }) => id}
            hasMore={keys.hasMore}
            loadMore={keys.loadMore}
          />
        )}
      </Loaded>
    </>
  );
}

function stateOf({ revoked_at: revokedAt, expires_at: expiresAt }: Key): string {
  if (revokedAt !== null) return 'revoked';
  return Date.parse(expiresAt) <= Date.now() ? 'expired' : 'active';
}

const refresh = () => void queries.invalidateQueries({ queryKey: ['keys'] });

function CreateKey({ onCreated }: { readonly onCreated: (key: string) => void }) {
  const [name, setName] = useState('');
  const [days, setDays] = useState<number | string>(DAYS_DEFAULT);
  const [rights, setRights] = useState(NO_RIGHTS);
  return (
    <ConfirmButton
      label="Create a key"
      confirmLabel="Create"
      mb="md"
      missing={[
        ...emptyFields({ Name: name }),
        ...rightsFaults(rights),
        ...(Number(days) >= 1 ? [] : ['Expires in days is missing.']),
      ]}
      run={async () => {
        const { key } = await dataOf(
          api.POST('/api/v1/keys', {
            body: { name, expires_in_days: Number(days), ...rightsOf(rights) },
          }),
        );
        onCreated(key);
        setName('');
        setRights(NO_RIGHTS);
        return `Created the key ${name}.`;
      }}
      onDone={refresh}
    >
      <Stack>
        <TextInput
          label="Name"
          description="What it is for"
          value={name}
          onChange={(event) => {
            setName(event.currentTarget.value);
          }}
        />
        <RightsFields rights={rights} onChange={setRights} />
        <NumberInput label="Expires in days" min={1} value={days} onChange={setDays} />
      </Stack>
    </ConfirmButton>
  );
}

function Revoke({ apiKey }: { readonly apiKey: Key }) {
  const { id, name } = apiKey;
  if (stateOf(apiKey) !== 'active') return null;
  return (
    <ConfirmButton
      label="Revoke"
      color="red"
      run={async () => {
        await api.DELETE('/api/v1/keys/{id}', { params: { path: { id } } });
        return `Revoked the key ${name}.`;
      }}
      onDone={refresh}
    >
      <Text size="sm">
        The key {name} ({id}) is refused within 2 seconds, for good. This cannot be undone.
      </Text>
    </ConfirmButton>
  );
}
