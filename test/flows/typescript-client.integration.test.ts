import { expect, onTestFinished, test, vi } from 'vitest';
import {
  createPulseClient,
  type RejectedPulse,
} from '../../clients/typescript/src/pulse-client.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { openFlow, PASSWORD } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const CREDENTIALS = { username: 'admin', password: PASSWORD };
const PULSE = {
  tenant: 'acme',
  product_sku: 'object-storage',
  use_unity: 'GB',
  used_amount: '0.1',
};

test('when the connection breaks after the API has published, the meter retries and each pulse counts once', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('start');
  const proxy = await startTcpProxy(ready.api!);
  onTestFinished(() => proxy.close());
  const client = createPulseClient({ url: proxy.url });
  await client.login(CREDENTIALS);

  const retries: unknown[] = [];
  const rejected: RejectedPulse[] = [];
  const meter = client.meter({
    onRetry: ({ error }) => retries.push(error),
    onRejected: (outcome) => rejected.push(outcome),
  });
  for (let count = 0; count < 30; count++) meter.record(PULSE);
  meter.record({ ...PULSE, used_amount: '-1' });
  proxy.swallow('reply');
  const flushed = meter.flush();
  // The API has processed the request, but its answer is lost.
  await flow.settled({ counted: 30 });
  proxy.reset();
  proxy.heal();
  expect(await flushed).toBe(true);
  expect(retries).toMatchObject([{ name: 'PulseConnectionError' }]);
  expect(rejected).toMatchObject([{ field: 'used_amount', code: 'amount_not_positive' }]);
  expect(await meter.close()).toEqual([]);

  await flow.settled({ counted: 30, duplicates: 30 });
  await flow.flush();
  const { data, total } = await client.pulses.list({ tenant: 'acme' });
  expect(total).toBeGreaterThanOrEqual(1);
  expect(data.reduce((sum, { pulse_count }) => sum + pulse_count, 0)).toBe(30);
  expect(data.map(({ used_amount }) => used_amount)).toEqual(
    total === 1 ? ['3'] : expect.anything(),
  );
  expect(await client.pulses.get(data[0]!.id)).toEqual(data[0]);
  expect(await flow.verify()).toMatchObject({ counted: 30, duplicates: 30, drift: 0 });
});

test('when a busy meter loses RabbitMQ, everything recorded is counted once', async () => {
  const flow = await openFlow();
  const proxy = await startTcpProxy(flow.env.RABBITMQ_URL!);
  onTestFinished(() => proxy.close());
  const { ready } = await flow.start('api', { RABBITMQ_URL: proxy.url });
  await flow.start('worker');
  const client = createPulseClient({ url: ready.api! });
  await client.login(CREDENTIALS);
  const meter = client.meter({ retryDelayMs: 50 });
  proxy.reset();
  for (let count = 0; count < 1_200; count++) meter.record(PULSE);
  expect(await meter.close(60_000)).toEqual([]);
  await flow.settled({ counted: 1_200 });
  expect(await flow.verify()).toMatchObject({ counted: 1_200, deadLetters: 0, drift: 0 });
});
