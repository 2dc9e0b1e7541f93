import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findUser } from '../../src/access/users.ts';
import { parseKeyText } from '../../src/access/key-text.ts';
import { verifyPassword } from '../../src/access/passwords.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { MANY_STEPS_TIMEOUT_MS, runPulse, temporaryDirectory } from '../support/pulse-process.ts';
import { runInProcess, runInProcessForJson } from '../support/run-in-process.ts';

const PASSWORD = 'correct horse battery';

let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  pool = new Pool({ connectionString: services.databaseUrl });
});
beforeEach(() => pool.query('DELETE FROM users; DELETE FROM api_keys'));
afterAll(async () => {
  await pool.end();
  await services.close();
});

const env = () => ({
  RABBITMQ_URL: services.rabbitmqUrl,
  REDIS_URL: services.redisUrl,
  DATABASE_URL: services.databaseUrl,
  LOG_LEVEL: 'silent',
});
const pulse = (...args: string[]) => runInProcess(args, env());
function passwordFile(text: string): string {
  const path = join(temporaryDirectory(), 'password');
  writeFileSync(path, text);
  return path;
}
const audited = async () => {
  const sql = 'SELECT action, actor, via, subject, details FROM audit_log ORDER BY id';
  return (await pool.query<Record<string, unknown>>(sql)).rows;
};

describe('pulse users', { timeout: MANY_STEPS_TIMEOUT_MS }, () => {
  test('does not ask for a password without a terminal, and says how to pass it', async () => {
    // A process, whose standard input is never a terminal.
    const { exitCode, stderr } = await runPulse(
      ['users', 'add', 'alice', '--role', 'operator', '--all-tenants'],
      { env: env() },
    );
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr:
        'pulse: There is no terminal to ask for the password: pass it with --password-file <file>.\n',
    });
    expect(await findUser(pool, 'alice')).toBeUndefined();
  });

  test('waits for a password that comes late through a pipe', async () => {
    const args = ['-c', '(sleep 2; echo short) | "$@"', 'sh', process.execPath];
    const { exitCode, stderr } = await runPulse(['users', 'add', 'alice', '--all-tenants'], {
      env: env(),
      program: { command: 'sh', args: [...args, resolve('dist/main.js')] },
    });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: 'pulse: The password must have 12 to 1024 characters.\n',
    });
  });

  test('adds, lists, disables, enables and changes the password, and audits each change', async () => {
    const file = passwordFile(`${PASSWORD}\n`);
    const rights = ['--role', 'operator', '--tenant', 'acme', '--tenant', 'b|"c"'];
    const added = await pulse(
      ...['users', 'add', 'alice', ...rights, '--password-file', file, '--as', 'bob'],
    );
    expect(added).toMatchObject({ exitCode: 0, stdout: 'added alice: operator, acme, b|"c"\n' });
    const user = (await findUser(pool, 'alice'))!;
    expect(user).toMatchObject({ role: 'operator', scope: ['acme', 'b|"c"'], isDisabled: false });
    expect(await verifyPassword(user.passwordHash, PASSWORD)).toBe(true);
    expect(await runInProcessForJson(['users', 'list', '--json'], env())).toMatchObject({
      data: [{ username: 'alice', role: 'operator', tenants: ['acme', 'b|"c"'] }],
    });

    expect((await pulse('users', 'list')).stdout).toMatch(
      /^USERNAME  ROLE +STATE +LAST LOGIN  TENANTS\nalice +operator  enabled  never +acme, b\|"c"\n$/,
    );

    expect((await pulse('users', 'disable', 'alice', '--as', 'bob')).exitCode).toBe(0);
    expect(await findUser(pool, 'alice')).toMatchObject({ isDisabled: true, tokenVersion: 2 });
    expect((await pulse('users', 'enable', 'alice', '--as', 'bob')).exitCode).toBe(0);
    const other = passwordFile('another password');
    const changed = ['users', 'passwd', 'alice', '--password-file', other, '--as', 'bob'];
    expect((await pulse(...changed)).exitCode).toBe(0);
    const after = (await findUser(pool, 'alice'))!;
    expect(after).toMatchObject({ isDisabled: false, tokenVersion: 3 });
    expect(await verifyPassword(after.passwordHash, 'another password')).toBe(true);

    const lines = await audited();
    expect(lines.map(({ action }) => action)).toEqual([
      ...['user added', 'user disabled', 'user enabled', 'password changed'],
    ]);
    for (const line of lines) {
      expect(line).toMatchObject({ actor: 'bob', via: 'command_line', subject: 'alice' });
    }
    expect(JSON.stringify(lines)).not.toMatch(/horse|another|argon2/);
  });

  test('refuses wrong usage, and names that are taken or unknown', async () => {
    const file = passwordFile(PASSWORD);
    const add = (...args: string[]) => pulse('users', 'add', ...args, '--password-file', file);
    expect(await add('alice')).toMatchObject({
      exitCode: 2,
      stderr: 'pulse: Give either --all-tenants, or --tenant once for each tenant.\n',
    });
    expect((await add('alice', '--role', 'admin', '--tenant', 'a')).exitCode).toBe(2);
    expect((await add('key:alice', '--all-tenants')).exitCode).toBe(2);
    expect((await add('alice', '--all-tenants', '--tenant', 'a\nb')).exitCode).toBe(2);
    expect((await add('alice', '--all-tenants')).exitCode).toBe(0);
    expect(await add('alice', '--all-tenants')).toMatchObject({
      exitCode: 1,
      stderr: 'pulse: user alice already exists.\n',
    });
    const short = ['--all-tenants', '--password-file', passwordFile('short')];
    expect((await pulse('users', 'add', 'carol', ...short)).exitCode).toBe(2);
    expect((await pulse('users', 'disable', 'nobody')).exitCode).toBe(1);
    expect((await pulse('users', 'passwd', 'nobody', '--password-file', file)).exitCode).toBe(1);
  });
});

describe('pulse keys', { timeout: MANY_STEPS_TIMEOUT_MS }, () => {
  test('prints a key once, lists it without its secret, and revokes it', async () => {
    const rights = ['--role', 'operator', '--tenant', 'acme', '--expires-in', '12h'];
    const created = await pulse('keys', 'create', '--name', 'meter', ...rights, '--as', 'bob');
    expect(created.exitCode).toBe(0);
    const text = created.stdout.trimEnd();
    const { id } = parseKeyText(text)!;
    const listed = await runInProcessForJson<{ data: Record<string, string>[] }>(
      ['keys', 'list', '--json'],
      env(),
    );
    expect(listed.data).toMatchObject([
      { id, name: 'meter', role: 'operator', tenants: ['acme'], created_by: 'bob' },
    ]);
    expect((await pulse('keys', 'list')).stdout).toMatch(
      new RegExp(
        `^ID +NAME +ROLE +EXPIRES +LAST USED  TENANTS\n${id}  meter  operator  in 1[12] h  never +acme\n$`,
      ),
    );
    const { created_at = '', expires_at = '' } = listed.data[0]!;
    expect(Date.parse(expires_at) - Date.parse(created_at)).toBe(12 * 3_600_000);
    expect(JSON.stringify([listed, await audited()])).not.toContain(text.slice(23, 87));

    expect((await pulse('keys', 'revoke', id, '--as', 'bob')).stdout).toBe(`revoked ${id}\n`);
    expect((await pulse('keys', 'revoke', '0123456789abcdef')).exitCode).toBe(1);
    const lines = (await audited()).filter(({ subject }) => subject === id);
    expect(lines.map(({ action }) => action)).toEqual(['key created', 'key revoked']);
  });

  test.each([
    ['no scope', ['--name', 'x']],
    ['both scopes', ['--name', 'x', '--all-tenants', '--tenant', 'a']],
    ['no name', ['--all-tenants']],
    ['an empty name', ['--name', '', '--all-tenants']],
    ['an unknown role', ['--name', 'x', '--all-tenants', '--role', 'root']],
    ['a lifetime of zero', ['--name', 'x', '--all-tenants', '--expires-in', '0d']],
    ['a lifetime without a unit', ['--name', 'x', '--all-tenants', '--expires-in', '90']],
    ['a lifetime that is too long', ['--name', 'x', '--all-tenants', '--expires-in', '99999d']],
  ])('refuses %s', async (_name, args) => {
    expect((await pulse('keys', 'create', ...args)).exitCode).toBe(2);
    expect((await pool.query('SELECT FROM api_keys')).rowCount).toBe(0);
  });
});
