import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PutOffError } from '../../src/messaging/handler.ts';
import { createEnrichmentClient } from '../../src/orders/enrichment-client.ts';
import { createEnrichmentMetrics } from '../../src/orders/enrichment-metrics.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';

const FAILURES_UNTIL_SUSPENDED = 5;
const SUSPENDED_MS = 10_000;
const request = {
  orderId: '00000000-0000-4000-8000-000000000000',
  customerId: '123',
  currency: 'USD',
  totalAmount: '5',
  items: [{ sku: 'ABC', qty: 2, amount: '5' }],
};

test('calls are suspended after several failures in a row, and resume once the service answers', async () => {
  const { service, enrich, isOpen, metrics } = await openClient();
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  service.status = 503;
  for (let call = 0; call < FAILURES_UNTIL_SUSPENDED; call++) {
    await expect(enrich()).rejects.toMatchObject({ code: 'PULSE_ENRICHMENT_UNAVAILABLE' });
  }
  expect(isOpen()).toBe(true);
  const callCount = service.callCount;
  await expect(enrich()).rejects.toMatchObject({
    code: 'PULSE_ENRICHMENT_UNAVAILABLE',
    retryable: true,
    message: expect.stringContaining('suspended') as string,
  });
  expect(service.callCount).toBe(callCount);
  expect(await metrics()).toMatchObject({
    pulse_enrichment_suspended: 1,
    'pulse_enrichment_calls_total{outcome="failed"}': FAILURES_UNTIL_SUSPENDED,
    'pulse_enrichment_calls_total{outcome="suspended"}': 1,
    pulse_enrichment_call_seconds_count: FAILURES_UNTIL_SUSPENDED,
  });

  service.status = 200;
  await expect(enrich()).rejects.toMatchObject({ code: 'PULSE_ENRICHMENT_UNAVAILABLE' });
  vi.advanceTimersByTime(SUSPENDED_MS);
  expect(await enrich()).toEqual({ risk: 'low' });
  expect(isOpen()).toBe(false);
  expect(await metrics()).toMatchObject({
    pulse_enrichment_suspended: 0,
    'pulse_enrichment_calls_total{outcome="suspended"}': 2,
    'pulse_enrichment_calls_total{outcome="answered"}': 1,
  });
});

test('while one call tries whether the service answers again, others are put off and do not wait', async () => {
  const { service, enrich } = await openClient();
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  service.status = 503;
  for (let call = 0; call < FAILURES_UNTIL_SUSPENDED; call++) {
    await expect(enrich()).rejects.toThrow();
  }
  vi.advanceTimersByTime(SUSPENDED_MS);
  service.status = 200;
  const callCount = service.callCount;
  const trial = enrich();
  let isTrialOver = false;
  void trial.then(() => (isTrialOver = true));
  await expect(enrich()).rejects.toBeInstanceOf(PutOffError);
  expect(isTrialOver).toBe(false);
  expect(await trial).toEqual({ risk: 'low' });
  expect(service.callCount).toBe(callCount + 1);
});

test('orders of one customer that always fail suspend no calls for others', async () => {
  const { service, enrich, isOpen } = await openClient();
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  service.status = 503;
  for (let call = 0; call < FAILURES_UNTIL_SUSPENDED; call++) {
    await expect(enrich('flood')).rejects.toThrow('503');
  }
  service.status = 200;
  expect(await enrich('other')).toEqual({ risk: 'low' });
  await expect(enrich('flood')).rejects.toBeInstanceOf(PutOffError);
  expect(isOpen()).toBe(true);
  // Nothing of the customer waits for so long.
  vi.advanceTimersByTime(11 * 60_000);
  expect(isOpen()).toBe(false);
});

test('the failures of more customers than are kept suspend nothing for those that are forgotten', async () => {
  const { service, enrich } = await openClient();
  service.status = 503;
  for (let call = 0; call < FAILURES_UNTIL_SUSPENDED; call++) {
    await expect(enrich('first')).rejects.toThrow('503');
  }
  await expect(enrich('first')).rejects.toBeInstanceOf(PutOffError);
  service.status = 200;
  for (let index = 0; index < 1_000; index++) await enrich(`customer-${index}`);
  expect(await enrich('first')).toEqual({ risk: 'low' });
});

test('orders that the service refuses suspend nothing', async () => {
  const { service, enrich, isOpen, metrics } = await openClient();
  service.status = 422;
  for (let call = 0; call < FAILURES_UNTIL_SUSPENDED * 2; call++) {
    await expect(enrich()).rejects.toMatchObject({ failure: { code: 'enrichment_refused' } });
  }
  expect(isOpen()).toBe(false);
  expect(await metrics()).toMatchObject({
    'pulse_enrichment_calls_total{outcome="refused"}': FAILURES_UNTIL_SUSPENDED * 2,
  });
});

test.each([
  ['a NUL', '{"risk":"\\u0000"}'],
  ['half a character in a name', '{"\\ud83d":1}'],
  ['65 levels', `{"a":${'['.repeat(65)}${']'.repeat(65)}}`],
])('an answer with %s is refused, because Postgres could not store it', async (_what, answer) => {
  const { service, enrich } = await openClient();
  service.answer = answer;
  await expect(enrich()).rejects.toMatchObject({ failure: { code: 'enrichment_refused' } });
});

test.each([
  [422, 'x'.repeat(70_000), { failure: { code: 'enrichment_refused' } }],
  [
    200,
    `{"a":"${'x'.repeat(70_000)}"}`,
    { message: expect.stringContaining('more than 64 KiB') as string },
  ],
  [
    200,
    Buffer.from('{"a":"\xff"}', 'latin1'),
    { message: expect.stringContaining('in UTF-8') as string },
  ],
  [200, '{"a":1e400}', { failure: { code: 'enrichment_refused' } }],
] as const)('%i with an answer that cannot be kept says why', async (status, answer, expected) => {
  const { service, enrich } = await openClient();
  Object.assign(service, { status, answer });
  await expect(enrich()).rejects.toMatchObject(expected);
});

test('a service that cannot be reached is not called late', async () => {
  const { stop, enrich } = await openClient();
  stop();
  await expect(enrich()).rejects.toMatchObject({
    code: 'PULSE_ENRICHMENT_UNAVAILABLE',
    message: 'The enrichment service could not be reached.',
  });
});

async function openClient() {
  const service: { status: number; answer: string | Buffer; callCount: number } = {
    status: 200,
    answer: '{"risk":"low"}',
    callCount: 0,
  };
  const server = createServer((_request, response) => {
    service.callCount += 1;
    response.writeHead(service.status, { 'content-type': 'application/json' }).end(service.answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  onTestFinished(stop);
  const registry = new Registry();
  const client = createEnrichmentClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    timeoutMs: 5_000,
    logger: pino({ level: 'silent' }),
    tracing: NO_TRACING,
    onCall: (outcome, seconds) => {
      record(outcome, seconds);
    },
  });
  const { record } = createEnrichmentMetrics(registry, () => client.isOpen);
  return {
    stop,
    service,
    enrich: (customerId = request.customerId) =>
      client.enrich({ ...request, customerId }, new AbortController().signal),
    isOpen: () => client.isOpen,
    /** Value by series, as Prometheus reads them. */
    metrics: async () => {
      const lines = (await registry.metrics())
        .split('\n')
        .filter((line) => line.startsWith('pulse_'));
      return Object.fromEntries(
        lines.map((line) => {
          const at = line.lastIndexOf(' ');
          return [line.slice(0, at), Number(line.slice(at + 1))];
        }),
      );
    },
  };
}
