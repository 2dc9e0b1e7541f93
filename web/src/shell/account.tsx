/** Who has logged in: the name, the own password, and the end of the session. */
import { Button, Menu, PasswordInput, Stack, Text } from '@mantine/core';
import { IconChevronDown, IconUser } from '@tabler/icons-react';
import { useState } from 'react';
import { api, dataOf } from '../api/client.ts';
import { useMe } from '../api/me.ts';
import { endSession, sessionOf, startSession } from '../api/session.ts';
import { drafts } from '../parts/drafts.ts';
import { ConfirmDialog } from '../parts/confirm-button.tsx';
import { emptyFields, passwordFaults } from '../parts/missing.ts';
import { NewPassword } from '../parts/new-password.tsx';

export function Account() {
  const me = useMe();
  const [isPasswordOpen, setPasswordOpen] = useState(false);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            variant="subtle"
            size="xs"
            className="account"
            aria-label={me === undefined ? 'Account' : `Account of ${me.name}`}
            rightSection={<IconChevronDown size={14} aria-hidden />}
          >
            <IconUser size={16} className="narrow-only" aria-hidden />
            <span className="account-name">{me?.name ?? 'Account'}</span>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {me === undefined ? null : (
            <Menu.Label>
              {me.kind === 'key' ? `key, ${me.role}` : me.role} ·{' '}
              {me.tenants?.join(', ') ?? 'all tenants'}
            </Menu.Label>
          )}
          {me?.kind !== 'user' ? null : (
            <Menu.Item
              onClick={() => {
                setPasswordOpen(true);
              }}
            >
              Change password
            </Menu.Item>
          )}
          <Menu.Item
            onClick={() => {
              drafts.forgetAll();
              endSession('You have logged out.');
            }}
          >
            Log out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <PasswordDialog
        isOpen={isPasswordOpen}
        onClose={() => {
          setPasswordOpen(false);
        }}
      />
    </>
  );
}

function PasswordDialog({
  isOpen,
  onClose,
}: {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}) {
  const [current, setCurrent] = useState('');
  const [wanted, setWanted] = useState('');
  const forget = () => {
    setCurrent('');
    setWanted('');
  };
  return (
    <ConfirmDialog
      label="Change password"
      confirmLabel="Change"
      isOpen={isOpen}
      missing={[
        ...emptyFields({ 'Current password': current }),
        ...passwordFaults('New password', wanted),
      ]}
      onClose={() => {
        onClose();
        forget();
      }}
      run={async () => {
        const { Auth } = await dataOf(
          api.PUT('/api/v1/me/password', {
            body: { current_password: current, new_password: wanted },
          }),
        );
        startSession(sessionOf(Auth));
        return 'You have a new password. Your other sessions end within 2 seconds.';
      }}
    >
      <Stack>
        <Text size="sm">Your other sessions end. This one goes on.</Text>
        <PasswordInput
          label="Current password"
          autoComplete="current-password"
          value={current}
          onChange={(event) => {
            setCurrent(event.currentTarget.value);
          }}
        />
        <NewPassword value={wanted} onChange={setWanted} />
      </Stack>
    </ConfirmDialog>
  );
}
