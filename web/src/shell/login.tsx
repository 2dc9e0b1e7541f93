/** The login. It stands in front of the page that was asked for, whose address stays. */
import {
  Alert,
  Anchor,
  Button,
  Paper,
  PasswordInput,
  Stack,
  TextInput,
  Title,
} from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, ApiProblem, dataOf } from '../api/client.ts';
import { sessionOf, startSession, useSession, type Session } from '../api/session.ts';
import { Failure } from '../parts/loaded.tsx';

export function Login() {
  const { ended } = useSession();
  const [byKey, setByKey] = useState(false);
  const [username, setUsername] = useState('');
  const [secret, setSecret] = useState('');
  const login = useMutation({
    mutationFn: () => (byKey ? sessionOfKey(secret.trim()) : sessionOfUser(username, secret)),
    onSuccess: startSession,
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
            {byKey ? null : (
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
            )}
            <PasswordInput
              key={byKey ? 'key' : 'password'}
              label={byKey ? 'Key' : 'Password'}
              name={byKey ? 'key' : 'password'}
              autoComplete={byKey ? 'off' : 'current-password'}
              required
              value={secret}
              onChange={(event) => {
                setSecret(event.currentTarget.value);
              }}
            />
            <Button type="submit" loading={login.isPending}>
              Log in
            </Button>
            <Anchor
              component="button"
              type="button"
              size="sm"
              onClick={() => {
                setByKey(!byKey);
                setSecret('');
                login.reset();
              }}
            >
              {byKey ? 'Use a username and a password' : 'Use a key'}
            </Anchor>
          </Stack>
        </form>
      </Paper>
    </main>
  );
}

async function sessionOfUser(username: string, password: string): Promise<Session> {
  const { Auth } = await dataOf(api.POST('/api/v1/login', { body: { username, password } }));
  return sessionOf(Auth);
}

const KEY_LOOKS = 'A key begins with pulse_ and has no spaces.';

/** The API speaks of a token, which somebody who typed a key does not have. */
function aboutKey(error: unknown): unknown {
  if (!(error instanceof ApiProblem) || error.status !== 401) return error;
  const why =
    'It has expired, was revoked, belongs to another installation, or a part of it is missing.';
  return new ApiProblem(401, 'This key is not valid', why, error.more);
}

/** What a header may hold. */
const TOKEN = /^[\w.~+/=-]+$/;

async function sessionOfKey(key: string): Promise<Session> {
  if (!TOKEN.test(key)) throw new ApiProblem(401, 'This is not a key', KEY_LOOKS);
  const headers = { authorization: `Bearer ${key}` };
  const { expires_at: expiresAt } = await dataOf(api.GET('/api/v1/me', { headers })).catch(
    (error: unknown) => {
      throw aboutKey(error);
    },
  );
  const expiresAtMs = expiresAt === null ? Number.MAX_SAFE_INTEGER : Date.parse(expiresAt);
  return { token: key, expiresAtMs };
}
