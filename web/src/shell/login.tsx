/** The login. It stands in front of the page that was asked for, whose address stays. */
import { Alert, Button, Paper, PasswordInput, Stack, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, dataOf } from '../api/client.ts';
import { startSession, useSession } from '../api/session.ts';
import { Failure } from '../parts/loaded.tsx';

export function Login() {
  const { ended } = useSession();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const login = useMutation({
    mutationFn: () => dataOf(api.POST('/api/v1/login', { body: { username, password } })),
    onSuccess: ({ Auth }) => {
      startSession({ token: Auth.Token, expiresAtMs: Auth.ExpiresAt * 1_000 });
    },
  });
  useEffect(() => {
    document.title = 'Log in · Pulse';
  }, []);
  return (
    <main className="login">
      <Paper withBorder p="xl" className="login-card">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            login.mutate();
          }}
        >
          <Stack>
            <Title order={1} size="h3">
              <img src="/console/favicon.svg" alt="" width="28" height="28" /> Pulse
            </Title>
            {ended === undefined ? null : <Alert color="orange">{ended}</Alert>}
            {login.error === null ? null : <Failure error={login.error} />}
            <TextInput
              label="Username"
              name="username"
              autoComplete="username"
              required
              autoFocus
              value={username}
              onChange={(event) => {
                setUsername(event.currentTarget.value);
              }}
            />
            <PasswordInput
              label="Password"
              name="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => {
                setPassword(event.currentTarget.value);
              }}
            />
            <Button type="submit" loading={login.isPending}>
              Log in
            </Button>
          </Stack>
        </form>
      </Paper>
    </main>
  );
}
