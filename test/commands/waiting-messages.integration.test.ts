import { randomUUID } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { openFlow, PASSWORD } from '../flows/flow-fixture.ts';
import { loginToApi } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { insertExport } from '../../src/exports/exports-query.ts';
import { topologyNames } from '../../src/platform/topology.ts';
import { withChannel, withClient } from '../support/servers.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

test('status and doctor name whatever waits, and messages that nothing handles', async () => {
  const flow = await openFlow();
  const off = { INGEST: 'false', PROCESSOR: 'false', ENRICHER: 'false' };
  const { queue, env } = flow;
  const started = await flow.start('start', off);
  const { ready } = started;
  const api = await loginToApi({ api: ready.api!, username: ready.username!, password: PASSWORD });
  const order = { customer_id: '1', items: [{ sku: 'A', qty: 1 }] };
  expect((await api.post('/orders', order)).status).toBe(202);
  const name = `${queue}.orders.processing`;
  const read = async () => {
    const { exitCode, stdout } = await flow.call(['status', '--json']);
    return { exitCode, status: JSON.parse(stdout) as unknown };
  };
  await eventually(read).toEqual({
    exitCode: 1,
    status: expect.objectContaining({
      outbox: { waiting: 0, oldest_seconds: 0, scheduled: 0 },
      message_queues: expect.arrayContaining([
        { name, ready: 1, consumers: 0, needs_consumers: true },
      ]) as unknown,
      problems: [`nothing handles the 1 message in ${name}`],
    }) as unknown,
  });
  started.signal('SIGTERM');
  await started.ended;

  await withClient(env.DATABASE_URL!, async (client) => {
    await client.query(
      `SELECT graphile_worker.add_job('relay', run_at => now() - interval '5 minutes')`,
    );
    await insertExport(client, {
      ...{ id: randomUUID(), scope: 'all', createdBy: 'test', report: 'usage', parameters: {} },
      ...{ format: 'csv', gzip: false, spreadsheet: false, asOf: new Date() },
    });
    await client.query(`UPDATE exports SET created_at = now() - interval '5 minutes'`);
    await client.query(`INSERT INTO customers (id, name) VALUES ('1', 'Acme')`);
    await client.query(
      `INSERT INTO endpoints (id, client, url, secret) VALUES ('1', '1', 'http://x', '')`,
    );
    await client.query(
      `INSERT INTO endpoint_states (endpoint_id, seen_number, due_at) VALUES ('1', 0, now() - interval '5 minutes')`,
    );
    await client.query(
      `INSERT INTO subscriptions (id, user_id, status, applied_number, due_at)
       VALUES (gen_random_uuid(), '1', 'active', 1, now() - interval '5 minutes')`,
    );
    await client.query(
      // Of a shard that nobody balances.
      `WITH batch AS (
         INSERT INTO flush_batches (id, shard, row_count, pulse_count, window_min, window_max, opened_at, flushed_at)
         VALUES (gen_random_uuid(), 99, 1, 1, now(), now(), now(), now() - interval '20 minutes') RETURNING id)
       INSERT INTO flushed_hours SELECT 'acme', now() - interval '1 day', id, 1 FROM batch`,
    );
  });
  const text = await flow.call(['status']);
  expect(text.stdout).toMatch(/^in Redis +0 pulses journalled, 0 live, 0 in 0 sealed batches$/m);
  expect(text.stdout).toMatch(/^outbox +1 message not published, the oldest for 3\d\d s; 0 sched/m);
  expect(text.stdout).toContain(`1 in ${name} (NOT CONSUMED)`);
  expect(text.stdout).toMatch(/^PROBLEM +the outbox has waited for 3\d\d s to be published/m);
  expect(text.stdout).toMatch(/^exports +1 queued, 0 running$/m);
  expect(text.stdout).toMatch(/^PROBLEM +no exporter makes the 1 export in the queue/m);
  expect(text.stdout).toMatch(/^PROBLEM +no sender serves 1 endpoint: webhooks have waited for 3/m);
  expect(text.stdout).toMatch(/^PROBLEM +a change of a subscription has been due for 3\d\d s/m);
  expect(text.stdout).toMatch(/^PROBLEM +usage that was flushed 12\d\d s ago is not announced/m);
  const { exitCode, stdout } = await flow.call(['doctor', '--json']);
  const { findings } = JSON.parse(stdout) as {
    findings: readonly { name: string; status: string }[];
  };
  const warnings = findings.filter(({ status }) => status === 'warning');
  expect(exitCode).toBe(0);
  expect(warnings.map((finding) => finding.name)).toEqual(
    expect.arrayContaining([
      ...['outbox', 'exports', 'deliveries', 'subscriptions', 'flushed hours'],
      `queue ${name}`,
    ]),
  );
});

test('status and doctor name exchanges that somebody has deleted', async () => {
  const flow = await openFlow();
  const started = await flow.start('api');
  started.signal('SIGTERM');
  await started.ended;
  const { exchange } = topologyNames(flow.queue);
  const ofEvents = `${flow.queue}.events`;
  await withChannel(flow.env.RABBITMQ_URL!, async (channel) => {
    await channel.deleteExchange(exchange);
    await channel.deleteExchange(ofEvents);
  });
  const status = await flow.call(['status', '--json']);
  expect(status.exitCode).toBe(1);
  expect((JSON.parse(status.stdout) as { problems: string[] }).problems).toEqual([
    expect.stringMatching(
      new RegExp(
        `^RabbitMQ refuses publications to "${exchange}" .*, so no pulse of a producer is taken$`,
      ),
    ),
  ]);
  const doctor = await flow.call(['doctor', '--json']);
  const { findings } = JSON.parse(doctor.stdout) as {
    findings: readonly { name: string; status: string; detail: string }[];
  };
  expect(findings.filter(({ name }) => name === 'message exchanges')).toEqual([
    {
      name: 'message exchanges',
      status: 'danger',
      detail: expect.stringContaining(`missing: "${ofEvents}".`) as unknown,
    },
  ]);
});
