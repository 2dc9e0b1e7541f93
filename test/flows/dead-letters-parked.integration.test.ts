import { Client } from 'pg';
import { expect, test, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { withChannel } from '../support/servers.ts';
import { openFlow, type Flow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const FINDING = 'rabbitmq parked';

async function parkedFinding(flow: Flow): Promise<[status: string, exitCode: number | null]> {
  const { exitCode, stdout } = await flow.call(['doctor', '--json']);
  const { findings } = JSON.parse(stdout) as { findings: { name: string; status: string }[] };
  return [findings.find(({ name }) => name === FINDING)?.status ?? 'none', exitCode];
}

async function query(flow: Flow, sql: string): Promise<void> {
  const client = new Client({ connectionString: flow.env.DATABASE_URL });
  await client.connect();
  await client.query(sql);
  await client.end();
}

test('a dead letter that Postgres refuses is parked, and metrics and doctor say so until it is gone', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('worker');
  const parkedQueue = `${flow.queue}.dead.parked`;
  const url = flow.env.RABBITMQ_URL!;
  const metrics = async () => (await fetch(`${ready.metrics}/metrics`)).text();
  await query(
    flow,
    `ALTER TABLE dead_letters ADD CONSTRAINT test_only CHECK (body <> 'refused'::bytea)`,
  );
  expect(await parkedFinding(flow)).toEqual(['ok', 0]);

  await flow.producer.publish([
    { body: 'refused', options: { messageId: 'm1' } },
    { body: 'bad', options: { messageId: 'm2' } },
  ]);
  await eventually(async () => (await flow.deadLetters()).map((row) => row.message_id)).toEqual([
    'm2',
  ]);
  await eventually(metrics).toContain('pulse_queue_deliveries{queue="parked"} 1\n');
  expect(await metrics()).toContain('pulse_dead_letters_parked_total{reason="refused"} 1\n');
  expect(await parkedFinding(flow)).toEqual(['danger', 1]);
  expect((await flow.call(['status'])).stdout).toContain(
    'on their way to the quarantine, 1 parked',
  );

  // A queue that does not exist hides no other depth, and doctor does not create it.
  await withChannel(url, (channel) => channel.deleteQueue(parkedQueue));
  await eventually(metrics).not.toContain('pulse_queue_deliveries{queue="parked"}');
  expect(await metrics()).toContain('pulse_queue_deliveries{queue="main"} 0\n');
  expect(await parkedFinding(flow)).toEqual(['warning', 0]);
  expect(await parkedFinding(flow)).toEqual(['warning', 0]);
  await flow.flush();
  expect(await parkedFinding(flow)).toEqual(['ok', 0]);
});
