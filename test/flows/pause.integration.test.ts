import { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS, type PulseProcess } from '../support/pulse-process.ts';
import { makeTraffic, openFlow, toMessage, type Flow, type ReadyLine } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

type Running = PulseProcess & { readonly ready: ReadyLine };

interface StatusAnswer {
  readonly ingest: {
    paused: boolean;
    by: string | null;
    note: string | null;
    since: string | null;
  };
  readonly queue: { ready: number; consumers: number };
  readonly sums: { live: number };
  readonly last_flush_at: string | null;
  readonly away: string[];
}

async function statusOf(flow: Flow) {
  const { exitCode, stdout } = await flow.call(['status', '--json']);
  return { exitCode, status: JSON.parse(stdout) as StatusAnswer };
}

async function metricOf(worker: Running, name: string): Promise<string | undefined> {
  const text = await (await fetch(`${worker.ready.metrics}/metrics`)).text();
  return new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1];
}

async function health(worker: Running, path: 'live' | 'ready') {
  const response = await fetch(`${worker.ready.metrics}/health/${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('a pause stops every worker, survives a restart, is visible everywhere, and loses nothing', async () => {
  const flow = await openFlow();
  const first = await flow.start('worker');
  await flow.producer.publish(makeTraffic(1_000, 'before').map(toMessage));
  await flow.settled({ counted: 900 });
  const { counted } = await flow.verify();

  const paused = await flow.run(['pause', '--as', 'olivia', '--note', 'redis moves']);
  expect(paused).toMatchObject({ exitCode: 0 });
  await eventually(() => flow.producer.consumers()).toBe(0);
  await flow.producer.publish(makeTraffic(500, 'during').map(toMessage));
  first.signal('SIGTERM');
  expect((await first.ended).exitCode).toBe(0);
  const second = await flow.start('worker');
  await eventually(() => metricOf(second, 'pulse_ingest_paused')).toBe('1');
  // A paused worker is healthy: a rollout must not wait for the end of the pause.
  await eventually(async () => (await health(second, 'ready')).status).toBe(200);
  const { exitCode, status } = await statusOf(flow);
  expect(exitCode).toBe(0);
  expect(status).toMatchObject({
    ingest: { paused: true, by: 'olivia', note: 'redis moves' },
    queue: { ready: 500, consumers: 0 },
    sums: { live: counted },
    last_flush_at: null,
    away: [],
  });
  expect((await flow.call(['status'])).stdout).toMatch(
    /^ingest +PAUSED since .*olivia: redis moves$/m,
  );
  const doctor = await flow.call(['doctor']);
  expect(doctor).toMatchObject({ exitCode: 0 });
  expect(doctor.stdout).toContain('`pulse resume`');

  expect(await flow.run(['resume', '--as', 'olivia'])).toMatchObject({ exitCode: 0 });
  await flow.settled({ counted: counted + 450 });
  await eventually(() => metricOf(second, 'pulse_ingest_paused')).toBe('0');
  expect((await statusOf(flow)).status.ingest).toMatchObject({ paused: false, by: 'olivia' });
  expect(await flow.verify()).toMatchObject({ drift: 0 });
  // The history is stored, and cannot be changed.
  const client = new Client({ connectionString: flow.env.DATABASE_URL! });
  await client.connect();
  onTestFinished(() => client.end());
  const { rows } = await client.query('SELECT action, actor, note FROM pauses ORDER BY id');
  expect(rows).toEqual([
    { action: 'paused', actor: 'olivia', note: 'redis moves' },
    { action: 'resumed', actor: 'olivia', note: null },
  ]);
  await expect(client.query('DELETE FROM pauses')).rejects.toThrow('only inserted into');
});

test('a pause continues while Postgres is unavailable; readiness names the failed server, and liveness checks none', async () => {
  const flow = await openFlow();
  await flow.flush();
  const names = ['DATABASE_URL', 'REDIS_URL', 'RABBITMQ_URL'] as const;
  const proxies = await Promise.all(names.map((name) => startTcpProxy(flow.env[name]!)));
  onTestFinished(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });
  await flow.call(['pause']);
  const worker = await flow.start(
    'worker',
    Object.fromEntries(names.map((name, index) => [name, proxies[index]!.url])),
  );
  await eventually(async () => (await health(worker, 'ready')).status).toBe(200);
  for (const [index, away] of ['postgres', 'redis', 'rabbitmq'].entries()) {
    proxies[index]!.cut();
    await eventually(async () => {
      const { status, body } = await health(worker, 'ready');
      const checks = body.checks as { name: string; ready: boolean }[];
      return { status, away: checks.filter(({ ready }) => !ready).map(({ name }) => name) };
    }).toMatchObject({ status: 503, away: expect.arrayContaining([away]) as string[] });
    expect(await health(worker, 'live')).toEqual({ status: 200, body: { live: true } });
    if (away === 'postgres') await worker.printed('cannot see whether ingest is paused');
    expect(await metricOf(worker, 'pulse_ingest_paused')).toBe('1');
    proxies[index]!.heal();
    await eventually(async () => (await health(worker, 'ready')).status).toBe(200);
  }
  await flow.call(['resume']);
  await flow.producer.publish(makeTraffic(100, 'after').map(toMessage));
  await flow.settled({ counted: 90 });
});

test('a worker stops in time even if Postgres does not answer the last flush', async () => {
  const flow = await openFlow({ STOP_TIMEOUT_SECONDS: '3', FLUSH_ON_EXIT: 'true' });
  const proxy = await startTcpProxy(flow.env.DATABASE_URL!);
  onTestFinished(() => proxy.close());
  const worker = await flow.start('worker', { DATABASE_URL: proxy.url });
  await flow.producer.publish(makeTraffic(1_000, 'stalled').map(toMessage));
  await flow.settled({ counted: 900 });
  proxy.stall();
  const signalledMs = performance.now();
  worker.signal('SIGTERM');
  const { stderr } = await worker.ended;
  // 3 + 5 seconds, and a margin for a busy machine. Kubernetes would kill it after 30.
  expect(performance.now() - signalledMs).toBeLessThan(20_000);
  expect(stderr).toContain('could not close in time');
  expect(await flow.flush()).toMatchObject({ rowCount: expect.any(Number) as number });
  expect(await flow.verify()).toMatchObject({ drift: 0, live: 0, sealed: 0 });
});
