import type { Pool } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { ensureAdmin } from '../../src/access/users.ts';
import { isolatedPool } from '../support/isolated.ts';

const SOURCE = { actor: 'ops', via: 'command_line' } as const;
const ADMIN = { username: 'admin', password: 'correct horse battery' };

let pool: Pool;
beforeAll(async () => {
  const isolated = await isolatedPool();
  ({ pool } = isolated);
  return () => isolated.close();
});

test('a start makes the administrator what it should be, and the audit log records it', async () => {
  await ensureAdmin(pool, ADMIN, SOURCE);
  const { rows: first } = await pool.query(
    'SELECT action, actor, via, subject, details FROM audit_log',
  );
  const told = { ...SOURCE, subject: ADMIN.username };
  const all = { role: 'admin', tenants: 'all' };
  expect(first).toEqual([{ ...told, action: 'user added', details: { ...all, cause: 'start' } }]);
  await pool.query(`UPDATE users SET disabled_at = now(), role = 'viewer' WHERE username = $1`, [
    ADMIN.username,
  ]);
  const last = await pool.query<{ id: string }>('SELECT max(id) AS id FROM audit_log');
  await ensureAdmin(pool, { ...ADMIN, password: 'a third one' }, SOURCE);
  const { rows } = await pool.query(
    'SELECT action, actor, via, subject, details FROM audit_log WHERE id > coalesce($1, 0) ORDER BY id',
    [last.rows[0]?.id],
  );
  const before = { role: 'viewer', tenants: 'all' };
  expect(rows).toEqual([
    { ...told, action: 'user enabled', details: { cause: 'start' } },
    {
      ...{ ...told, action: 'user changed' },
      details: { ...all, before, cause: 'start' },
    },
    { ...told, action: 'password changed', details: { cause: 'start' } },
  ]);
});

test('processes that start at once record the administrator once', async () => {
  const admin = { ...ADMIN, username: 'together' };
  await Promise.all([1, 2, 3, 4].map(() => ensureAdmin(pool, admin, SOURCE)));
  const { rows } = await pool.query('SELECT action FROM audit_log WHERE subject = $1', [
    admin.username,
  ]);
  expect(rows).toEqual([{ action: 'user added' }]);
});
