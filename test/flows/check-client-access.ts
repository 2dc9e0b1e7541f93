/** Calls of the TypeScript client about users, keys and the audit log, on real servers. */
import { expect } from 'vitest';
import { createPulseClient, type PulseClient } from '../../clients/typescript/src/pulse-client.ts';
import { collect } from './client-calls.ts';

const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
const TEXT = expect.any(String) as string;
const PASSWORD = 'long enough password';

/** @param admin Whose calls are counted. It ends with the password that it began with. */
export async function checkAccess(
  admin: PulseClient,
  { url, password }: { readonly url: string; readonly password: string },
): Promise<void> {
  expect(await admin.me.get()).toEqual({
    ...{ kind: 'user', name: 'admin', actor: 'admin', role: 'admin', tenants: 'all' },
    expires_at: INSTANT,
  });
  await checkUsers(admin, url);
  await checkKeys(admin, url);
  const same = { current_password: password, new_password: password };
  const { token } = await admin.me.changePassword(same);
  expect(token.split('.')).toHaveLength(3);
  expect((await admin.me.get()).name).toBe('admin');

  const span = { from: new Date(Date.now() - 3_600_000), to: new Date(Date.now() + 3_600_000) };
  const filters = { ...span, actor: 'admin', action: 'user added', subject: 'alice' } as const;
  const page = await admin.audit.page({ ...filters, limit: 5 });
  expect(page).toEqual({
    data: [
      {
        ...{ id: TEXT, at: INSTANT, action: 'user added', actor: 'admin', via: 'api' },
        ...{ address: TEXT, request_id: TEXT, subject: 'alice' },
        details: { role: 'operator', tenants: ['acme'] },
      },
    ],
    next: null,
  });
  expect((await collect(admin.audit.all({ limit: 2 }))).length).toBeGreaterThan(5);
}

async function checkUsers({ users }: PulseClient, url: string): Promise<void> {
  const rights = { role: 'operator', tenants: ['acme'] } as const;
  const added = await users.add({ username: 'alice', password: PASSWORD, ...rights });
  expect(added).toEqual({
    ...{ username: 'alice', ...rights },
    ...{ created_at: INSTANT, last_login_at: null, disabled_at: null },
  });
  expect(await users.get('alice')).toEqual(added);
  const page = await users.page({ limit: 1 });
  expect(page).toMatchObject({ data: [{ username: 'admin' }], next: 'admin' });
  expect((await users.page({ limit: 1, after: 'admin' })).data).toEqual([added]);
  expect(await collect(users.all({ limit: 1 }))).toHaveLength(2);
  const changed = await users.change('alice', { role: 'viewer', tenants: 'all', disabled: false });
  expect(changed).toEqual({ ...added, role: 'viewer', tenants: 'all' });
  await users.setPassword('alice', `${PASSWORD} 2`);
  const alice = createPulseClient({ url });
  await alice.login({ username: 'alice', password: `${PASSWORD} 2` });
  expect((await alice.me.get()).name).toBe('alice');
  await expect(alice.users.page()).rejects.toMatchObject({ status: 403 });
}

async function checkKeys({ keys }: PulseClient, url: string): Promise<void> {
  const asked = { name: 'meter', role: 'operator', tenants: ['acme'] } as const;
  const { key, ...made } = await keys.create({ ...asked, expires_in_days: 7 });
  expect(made).toEqual({
    ...{ id: TEXT, ...asked, created_by: 'admin', created_at: INSTANT, expires_at: INSTANT },
    ...{ revoked_at: null, last_used_at: null },
  });
  const machine = createPulseClient({ url, token: key });
  expect(await machine.me.get()).toMatchObject({ kind: 'key', name: 'meter' });
  expect((await keys.page({ limit: 1 })).data).toMatchObject([{ id: made.id }]);
  await keys.create({ ...asked, name: 'another' });
  const first = await keys.page({ limit: 1 });
  expect((await keys.page({ limit: 1, after: first.next! })).data).toMatchObject([{ id: made.id }]);
  expect(await collect(keys.all({ limit: 1 }))).toHaveLength(2);
  await keys.revoke(made.id);
  expect((await keys.page()).data[1]).toMatchObject({ id: made.id, revoked_at: INSTANT });
}
