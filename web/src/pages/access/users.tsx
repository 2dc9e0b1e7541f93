/** The users: add one, change what they may do, lock them out, set a password. */
import { Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { useMe } from '../../api/me.ts';
import { queries } from '../../api/queries.ts';
import type { paths } from '../../api/schema.d.ts';
import { ConfirmButton, ConfirmDialog } from '../../parts/confirm-button.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { emptyFields, passwordFaults } from '../../parts/missing.ts';
import { useIsNarrow } from '../../parts/narrow.ts';
import { NewPassword } from '../../parts/new-password.tsx';
import { RowActions } from '../../parts/row-actions.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import {
  NO_RIGHTS,
  RightsFields,
  rightsFaults,
  rightsOf,
  scopeText,
  type Rights,
} from './rights-fields.tsx';

type User =
  paths['/api/v1/users']['get']['responses']['200']['content']['application/json']['data'][number];

const NAME: Column<User> = { head: 'Name', cell: ({ username }) => username };
const CHANGE: Column<User> = { head: 'Change', cell: (user) => <UserActions user={user} /> };
const REST: readonly Column<User>[] = [
  { head: 'Role', cell: ({ role }) => role },
  { head: 'Tenants', cell: ({ tenants }) => scopeText(tenants) },
  {
    head: 'State',
    cell: ({ disabled_at }) => <StateBadge state={disabled_at === null ? 'active' : 'disabled'} />,
  },
  { head: 'Last login', cell: ({ last_login_at }) => <Time at={last_login_at} />, wideOnly: true },
];
const WIDE = [NAME, ...REST, CHANGE];
/** Nobody has to scroll sideways to what can be done. */
const NARROW = [NAME, CHANGE, ...REST];

export function Users() {
  const isNarrow = useIsNarrow();
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
            columns={isNarrow ? NARROW : WIDE}
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
      missing={[
        ...emptyFields({ Username: username }),
        ...passwordFaults('New password', password),
        ...rightsFaults(rights),
      ]}
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

interface DialogProps {
  readonly user: User;
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

function UserActions({ user }: { readonly user: User }) {
  const me = useMe();
  // By its label, so that an open dialog does not turn into the opposite when somebody else is first.
  const [opened, setOpened] = useState<{ readonly label: string; readonly lock: string }>();
  const isMe = me?.kind === 'user' && user.username === me.name;
  const lock = user.disabled_at === null ? 'Disable' : 'Enable';
  const dialogOf = (label: string): DialogProps => ({
    user,
    isOpen: opened?.label === label && opened.lock === lock,
    onClose: () => {
      setOpened(undefined);
    },
  });
  return (
    <>
      <RowActions
        of={user.username}
        labels={['Rights', 'Password', ...(isMe ? [] : [lock])]}
        onChoose={(label) => {
          setOpened({ label, lock });
        }}
      />
      <ChangeRights {...dialogOf('Rights')} />
      <SetPassword {...dialogOf('Password')} />
      <DisableOrEnable key={lock} label={lock} {...dialogOf(lock)} />
    </>
  );
}

function ChangeRights({ user: { username, role, tenants }, isOpen, onClose }: DialogProps) {
  const [rights, setRights] = useState<Rights>({ role, tenants });
  // What was chosen before may be given up, or changed by somebody else.
  const [wasOpen, setWasOpen] = useState(isOpen);
  if (wasOpen !== isOpen) {
    setWasOpen(isOpen);
    if (isOpen) setRights({ role, tenants });
  }
  return (
    <ConfirmDialog
      label="Rights"
      confirmLabel="Change"
      {...{ isOpen, onClose }}
      missing={rightsFaults(rights)}
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
    </ConfirmDialog>
  );
}

function SetPassword({ user: { username }, isOpen, onClose }: DialogProps) {
  const [password, setPassword] = useState('');
  return (
    <ConfirmDialog
      label="Password"
      confirmLabel="Set"
      {...{ isOpen, onClose }}
      missing={passwordFaults('New password', password)}
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
    </ConfirmDialog>
  );
}

function DisableOrEnable({
  label,
  user: { username, disabled_at: disabledAt },
  isOpen,
  onClose,
}: DialogProps & { readonly label: string }) {
  const disabled = disabledAt === null;
  return (
    <ConfirmDialog
      label={label}
      {...{ isOpen, onClose }}
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
    </ConfirmDialog>
  );
}
