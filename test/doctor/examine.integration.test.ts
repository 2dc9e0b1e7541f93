import { Client } from 'pg';
import { expect, test, vi } from 'vitest';
import { openFlow, type Flow } from '../flows/flow-fixture.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

interface Finding {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
}

async function examine(flow: Flow) {
  const { exitCode, stdout } = await flow.call(['doctor', '--json']);
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  const dangers = findings.filter(({ status }) => status === 'danger');
  return { exitCode, names: findings.map(({ name }) => name), dangers };
}

const WHOLE = [
  ...['redis disk', 'postgres disk', 'time zones', 'redis clock', 'postgres clock', 'epoch'],
  ...['ingest', 'outbox', 'exports', 'deliveries', 'subscriptions', 'flushed hours'],
  'workflows',
  ...['journal', 'flush', 'books'],
];

test('checks that fail are dangers of their own names, and all others still report', async () => {
  const flow = await openFlow();
  await flow.flush();
  const { names } = await examine(flow);
  expect(names).toEqual(expect.arrayContaining(WHOLE));
  const client = new Client({ connectionString: flow.env.DATABASE_URL! });
  await client.connect();
  const database = new URL(flow.env.DATABASE_URL!).pathname.slice(1);
  try {
    // What sorts more than fits into memory fails, as on a full disk.
    await client.query(`ALTER DATABASE "${database}" SET temp_file_limit = '0'`);
    await client.query('ALTER TABLE exports RENAME TO lost_exports');
  } finally {
    await client.end();
  }
  const failing = await examine(flow);
  expect(failing.names).toEqual(names);
  expect(failing).toMatchObject({
    exitCode: 1,
    dangers: [
      { name: 'time zones', detail: expect.stringContaining('temp_file_limit') as string },
      { name: 'exports', detail: expect.stringContaining('"exports" does not exist') as string },
    ],
  });
});
