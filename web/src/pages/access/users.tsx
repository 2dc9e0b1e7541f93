/** The users: add one, change what they may do, lock them out, set a password. */
import { Group, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { queries } from '../../api/queries.ts';
import type { paths } from '../../api/schema.d.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { NewPassword } from '../../parts/new-password.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import {
  areRightsWhole,
  NO_RIGHTS,
  RightsFields,
  rightsOf,
  scopeText,
  type Rights,
} from './rights-fields.tsx';

type User =
  paths['/api/v1/users']['get']['responses']['200']['content']['application/json']['data'][number];

const COLUMNS: readonly Column<User>[] = [
  { head: 'Name', cell: ({ username }) => username },
  { head: 'Role', cell: ({ role }) => role },
  { head: 'Tenants', cell: ({ tenants }) => scopeText(tenants) },
  {
    head: 'State',
    cell: ({ disabled_at }) => <StateBadge state={disabled_at === null ? 'active' : 'disabled'} />,
  },
  { head: 'Last login', cell: ({ last_login_at }) => <Time at={last_login_at} />, wideOnly: true },
  { head: 'Change', cell: (user) => <UserActions user={user} /> },
];

export function Users() {
  const users = useList(['users'], (after, signal) =>
    dataOf(
      api.GET('/api/v1/users', {
        params: { query: { limit: 200, ...(after === undefined ? {} : { after }) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <AddUser />
      <Loaded query={users}>
        {(rows) => (
          <DataTable
            label="Users"
            columns={COLUMNS}
            rows={rows}
            rowKey={({ username }) => username}
            hasMore={users.hasMore}
            loadMore={users.loadMore}
          />
        )}
      </Loaded>
    </>
  );
}

const refresh = () => void queries.invalidateQueries({ queryKey: ['users'] });

function AddUser() {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [rights, setRights] = useState(NO_RIGHTS);
  return (
    <ConfirmButton
      label="Add a user"
      confirmLabel="Add"
      mb="md"
      isReady={username !== '' && password !== '' && areRightsWhole(rights)}
      run={async () => {
        await dataOf(
          api.POST('/api/v1/users', { body: { username, password, ...rightsOf(rights) } }),
        );
        setUsername('');
        setPassword('');
        setRights(NO_RIGHTS);
        return `Added ${username}.`;
      }}
      onDone={refresh}
    >
      <Stack>
        <TextInput
          label="Username"
          autoComplete="off"
          value={username}
          onChange={(event) => {
            setUsername(event.currentTarget.value);
          }}
        />
        <NewPassword value={password} onChange={setPassword} />
        <RightsFields rights={rights} onChange={setRights} />
      </Stack>
    </ConfirmButton>
  );
}

interface ActionProps {
  readonly user: User;
}

function UserActions({ user }: ActionProps) {
  const me = useMe();
  return (
    <Group gap={4} wrap="nowrap">
      <ChangeRights user={user} />
      <SetPassword user={user} />
      {me?.kind === 'user' && user.username === me.name ? null : (
        // An open dialog must not turn into the opposite when somebody else is first.
        <DisableOrEnable key={String(user.disabled_at === null)} user={user} />
      )}
    </Group>
  );
}

function ChangeRights({ user }: ActionProps) {
  const { username, role, tenants } = user;
  const [rights, setRights] = useState<Rights>({ role, tenants });
  return (
    <ConfirmButton
      label="Rights"
      confirmLabel="Change"
      onOpen={() => {
        // What was chosen before may be given up, or changed by somebody else.
        setRights({ role, tenants });
      }}
      isReady={areRightsWhole(rights)}
      run={async () => {
        const params = { path: { username } };
        await dataOf(api.PATCH('/api/v1/users/{username}', { params, body: rightsOf(rights) }));
        return `${username} has the new rights within 2 seconds.`;
      }}
      onDone={refresh}
    >
      <Stack>
        <Text size="sm">What {username} may do, in every process within 2 seconds.</Text>
        <RightsFields rights={rights} onChange={setRights} />
      </Stack>
    </ConfirmButton>
  );
}

function SetPassword({ user: { username } }: ActionProps) {
  const [password, setPassword] = useState('');
  return (
    <ConfirmButton
      label="Password"
      confirmLabel="Set"
      isReady={password !== ''}
      run={async () => {
        const params = { path: { username } };
        await api.PUT('/api/v1/users/{username}/password', { params, body: { password } });
        setPassword('');
        return `${username} has the new password.`;
      }}
      onDone={refresh}
    >
      <Stack>
        <Text size="sm">All sessions of {username} end within 2 seconds.</Text>
        <NewPassword value={password} onChange={setPassword} />
      </Stack>
    </ConfirmButton>
  );
}

function DisableOrEnable({ user: { username, disabled_at: disabledAt } }: ActionProps) {
  const disabled = disabledAt === null;
  return (
    <ConfirmButton
      label={disabled ? 'Disable' : 'Enable'}
      run={async () => {
        const params = { path: { username } };
        await dataOf(api.PATCH('/api/v1/users/{username}', { params, body: { disabled } }));
        return disabled ? `${username} is locked out.` : `${username} may log in.`;
      }}
      onDone={refresh}
    >
      <Text size="sm">
        {disabled
          ? `${username} can no longer log in, and all sessions end within 2 seconds. You can enable the user again.`
          : `${username} may log in again.`}
      </Text>
    </ConfirmButton>
  );
}
