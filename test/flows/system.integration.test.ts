import { expect, test, vi } from 'vitest';
import { serverOf } from '../../src/platform/logger.ts';
import { loginToApi } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { openFlow, PASSWORD } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

interface PopulateRun {
  readonly state: string;
  readonly published: number;
  readonly confirmed: number;
  readonly error: string | null;
}

test('one line says where everything is; a run started through the API ends in rows that match the books', async () => {
  const flow = await openFlow();
  const system = await flow.start('start');
  const { ready } = system;
  expect(ready).toEqual({
    api: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
    console: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/console$/) as string,
    docs: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/docs\/?$/) as string,
    metrics: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
    // No credentials of external servers, because the line may end up in a log.
    rabbitmq: serverOf(flow.env.RABBITMQ_URL!),
    redis: serverOf(flow.env.REDIS_URL!),
    postgres: serverOf(flow.env.DATABASE_URL!),
    username: 'admin',
  });
  const api = await loginToApi({ api: ready.api!, username: 'admin', password: PASSWORD });
  expect((await api.request('/health/live')).status).toBe(200);
  expect((await api.request('/health/ready')).status).toBe(200);

  const started = await api.post<PopulateRun>('/pulses/populate', {
    total_messages: 5_000,
    workers_number: 3,
    buffer_size: 250,
  });
  expect(started.status).toBe(202);
  const location = started.headers.get('location')!;
  expect(location).toMatch(/^\/api\/v1\/pulses\/populate\/[0-9a-f-]{36}$/);
  await eventually(async () => {
    const run = await api.request<PopulateRun>(location.replace('/api/v1', ''));
    return run.body;
  }).toMatchObject({ state: 'completed', confirmed: 5_000, error: null });
  await eventually(async () => {
    const { counted, duplicates, deadLetters } = await flow.verify();
    return counted + duplicates + deadLetters;
  }).toBe(5_000);
  await flow.flush();
  const books = await flow.verify();
  const rows = await api.rows({ limit: '1000' });
  expect(rows.reduce((sum, { pulse_count }) => sum + pulse_count, 0)).toBe(books.counted);

  const metrics = await (await fetch(`${ready.metrics}/metrics`)).text();
  expect(metrics).toContain(`pulse_counted_total ${books.counted}\n`);
  expect(metrics).toContain('pulse_ingest_threads{state="consuming"} 1\n');

  system.signal('SIGINT');
  expect(await system.ended).toMatchObject({ exitCode: 0, stdout: `${JSON.stringify(ready)}\n` });
});
