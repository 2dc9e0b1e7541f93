import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createSecretBox, newSecretKeys, parseSecretKeys } from '../../src/delivery/secret-box.ts';
import { createDeliveryFixture, type DeliveryFixture } from '../delivery/delivery-fixture.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { runInProcess, runInProcessForJson } from '../support/run-in-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const KEYS = newSecretKeys();
const box = createSecretBox(parseSecretKeys(KEYS));
let fixture: DeliveryFixture;

beforeAll(async () => {
  fixture = await createDeliveryFixture();
});
afterAll(() => fixture.close());

const env = (keys = KEYS) => ({
  RABBITMQ_URL: fixture.rabbitmqUrl,
  REDIS_URL: fixture.redisUrl,
  DATABASE_URL: fixture.databaseUrl,
  PULSE_QUEUE: fixture.queue,
  LOG_LEVEL: 'silent',
  ...(keys === '' ? {} : { WEBHOOK_SECRET_KEYS: keys }),
});
const pulse = (...args: string[]) => runInProcess(args, env());
const json = <T>(...args: string[]) => runInProcessForJson<T>([...args, '--json'], env());

async function makeEndpoint() {
  const receiver = await fixture.startReceiver();
  const client = await fixture.makeClient();
  const { id, secret } = await fixture.makeEndpoint(client, receiver);
  const sealed = box.seal(secret, id);
  await fixture.pool.query('UPDATE endpoints SET secret = $2 WHERE id = $1', [id, sealed]);
  return { id, client, secret };
}

/** The secrets of an endpoint, as keys decrypt them. */
async function secretsOf(id: string, keys: string): Promise<string[]> {
  const { rows } = await fixture.pool.query<{ secret: Buffer; previous: Buffer | null }>(
    'SELECT secret, previous_secret AS previous FROM endpoints WHERE id = $1',
    [id],
  );
  const secretBox = createSecretBox(parseSecretKeys(keys));
  return rows
    .flatMap(({ secret, previous }) => (previous === null ? [secret] : [secret, previous]))
    .map((sealed) => secretBox.open(sealed, id));
}

test('lists, shows, disables and enables endpoints, and the audit log says who', async () => {
  const { id, client } = await makeEndpoint();
  expect((await pulse('endpoints', 'disable', id, '--as', 'bob')).stdout).toBe(
    `${id} is disabled\n`,
  );
  const listed = await json<{ data: object[] }>('endpoints', 'list', '--client', client);
  expect(listed.data).toMatchObject([{ id, status: 'disabled', disabled_reason: 'requested' }]);
  const { stdout } = await pulse('endpoints', 'list', '--status', 'disabled');
  expect(stdout).toContain('disabled (requested)');
  expect(await json('endpoints', 'enable', id)).toMatchObject({ status: 'enabled' });
  expect((await pulse('endpoints', 'show', id)).stdout).toMatch(/^status +enabled\n/m);
  const { rows } = await fixture.pool.query(
    `SELECT actor, via, subject FROM audit_log WHERE subject LIKE '%' || $1 ORDER BY id`,
    [id],
  );
  expect(rows).toMatchObject([
    { actor: 'bob', via: 'command_line', subject: `disable endpoint ${id}` },
    { via: 'command_line', subject: `enable endpoint ${id}` },
  ]);
});

test('prints a rotated secret once, and encrypts all secrets with a new key', async () => {
  const { id, secret } = await makeEndpoint();
  const rotated = await pulse('endpoints', 'rotate', id);
  expect(rotated.stderr).toContain('not shown again');
  const next = rotated.stdout.trim();
  expect(await secretsOf(id, KEYS)).toEqual([next, secret]);
  const newer = `second:${randomBytes(32).toString('base64')}`;
  const { stdout } = await runInProcess(['endpoints', 'rotate-keys'], env(`${newer},${KEYS}`));
  expect(stdout).toMatch(/^the secrets of \d+ endpoints are encrypted with key second\n$/);
  expect(await secretsOf(id, newer)).toEqual([next, secret]);
  // Under the first key again, for the other tests.
  await runInProcess(['endpoints', 'rotate-keys'], env(`${KEYS},${newer}`));
  const without = await runInProcess(['endpoints', 'rotate', id], env(''));
  expect(without).toMatchObject({
    exitCode: 1,
    stderr: 'pulse: WEBHOOK_SECRET_KEYS is not set.\n',
  });
  const audits = await fixture.pool.query<{ text: string }>(
    'SELECT audit_log::text AS text FROM audit_log',
  );
  expect(JSON.stringify(audits.rows)).not.toContain(next);
});

test('recovers what a dry run has counted, and lists, shows and resends deliveries', async () => {
  const { id, client } = await makeEndpoint();
  await pulse('endpoints', 'disable', id);
  await fixture.store(client, [{ n: 1 }, { n: 2 }]);
  const since = ['--since', '2026-01-01T00:00:00Z'];
  expect((await pulse('endpoints', 'recover', id, ...since)).exitCode).toBe(1);
  await pulse('endpoints', 'enable', id);
  const counts = { failed_count: 0, missed_count: 2 };
  expect(await json('endpoints', 'recover', id, ...since, '--dry-run')).toEqual(counts);
  expect(await json('endpoints', 'recover', id, ...since)).toEqual(counts);
  const page = await json<{ data: { id: string }[]; next: string }>(
    ...(['deliveries', 'list', '--endpoint', id, '--limit', '1'] as const),
  );
  const rest = await json<{ data: object[] }>(
    'deliveries',
    'list',
    '--endpoint',
    id,
    '--after',
    page.next,
  );
  expect(rest.data).toMatchObject([{ status: 'pending', endpoint: id }]);
  const delivery = page.data[0]!.id;
  expect((await pulse('deliveries', 'show', delivery)).stdout).toContain('No attempts.');
  expect((await pulse('deliveries', 'resend', delivery)).stdout).toBe(`${delivery} is pending\n`);
  await pulse('endpoints', 'disable', id);
  expect(await pulse('deliveries', 'resend', delivery)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('The endpoint is disabled or deleted.') as string,
  });
});

test('refuses wrong usage, and what does not exist', async () => {
  expect((await pulse('deliveries', 'show', 'x')).exitCode).toBe(2);
  expect((await pulse('deliveries', 'list', '--after', 'x')).exitCode).toBe(2);
  expect((await pulse('endpoints', 'rotate', 'none', '--overlap-hours', '169')).exitCode).toBe(2);
  for (const command of ['show', 'enable', 'disable', 'rotate']) {
    expect(await pulse('endpoints', command, 'none')).toMatchObject({
      exitCode: 1,
      stderr: 'pulse: There is no endpoint none.\n',
    });
  }
});
