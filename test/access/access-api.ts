/** The API with users and keys in a real Postgres, called by an administrator. */
import type { InjectOptions } from 'fastify';
import { pino } from 'pino';
import { expect } from 'vitest';
import { createIdentities } from '../../src/access/identities.ts';
import { hashPassword } from '../../src/access/passwords.ts';
import { addUser } from '../../src/access/users.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { createTestApp, forgeToken } from '../api/api-fixture.ts';
import { newKey } from '../api/access-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices } from '../support/isolated.ts';

export const SOURCE = { actor: 'test', via: 'command_line' } as const;
export const PASSWORD = 'correct horse battery';

export type AccessApi = Awaited<ReturnType<typeof openAccessApi>>;

/** Two apps on one database, as two processes. The administrator is `root`; its password is `PASSWORD`. */
export async function openAccessApi() {
  const services = await isolatedServices();
  const logger = pino({ level: 'silent' });
  const pool = createPool(services.databaseUrl, { name: 'test', logger });
  const passwordHash = await hashPassword(PASSWORD);
  const start = () => createTestApp({ pool, identities: createIdentities(pool, logger) });
  const [{ app, lines }, other] = [await start(), await start()];

  /** Adds a user. @returns A token of the user. */
  const newUser = async (
    username: string,
    rights: Partial<Omit<Parameters<typeof addUser>[1], 'username'>> = {},
  ) => {
    const user = { username, passwordHash, role: 'viewer', scope: 'all', ...rights } as const;
    await addUser(pool, user, SOURCE);
    return forgeToken({ claims: { sub: username } });
  };
  const root = await newUser('root', { role: 'admin' });

  const callOf =
    (one: typeof app) =>
    async (method: string, path: string, payload?: object, token = root) => {
      const res = await one.inject({
        method: method as NonNullable<InjectOptions['method']>,
        url: `/api/v1${path}`,
        headers: { authorization: `Bearer ${token}` },
        ...(payload === undefined ? {} : { payload }),
      });
      const body = res.body === '' ? null : res.json<Record<string, unknown>>();
      return { status: res.statusCode, body, headers: res.headers };
    };
  const call = callOf(app);

  return {
    ...{ pool, app, lines, call, newUser, root },
    callOther: callOf(other.app),
    newKey: (role: 'viewer' | 'operator' | 'admin') => newKey(pool, { role, scope: 'all' }),
    /** Rows of the audit log, oldest first. */
    async audited(subject: string) {
      const sql = `SELECT action, actor, via, address, request_id, subject, details
                   FROM audit_log WHERE subject = $1 ORDER BY id`;
      return (await pool.query<Record<string, unknown>>(sql, [subject])).rows;
    },
    /** Everything that is kept or logged, as text. */
    async traces() {
      const tables = ['audit_log', 'users', 'api_keys', 'idempotency_keys', 'login_attempts'];
      const rows = [];
      for (const table of tables) rows.push((await pool.query(`SELECT * FROM ${table}`)).rows);
      return JSON.stringify([rows, lines, other.lines]);
    },
    /** Starts work that waits for a lock, and lets all of it continue at the same moment. */
    async atOnce<Result>(lock: string, works: readonly (() => Promise<Result>)[]) {
      const client = await pool.connect();
      await client.query(`BEGIN; ${lock}`);
      const results = Promise.all(works.map((work) => work()));
      const sql = `SELECT FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      await eventually(async () => (await pool.query(sql)).rowCount).toBe(works.length);
      await client.query('COMMIT');
      client.release();
      return await results;
    },
    async expectProblem(called: ReturnType<typeof call>, status: number, code: string) {
      const { status: got, body } = await called;
      expect({ status: got, code: body?.code }).toEqual({ status, code: `PULSE_API_${code}` });
      return body;
    },
    async close() {
      await app.close();
      await other.app.close();
      await pool.end();
      await services.close();
    },
  };
}
