import { expect, test, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { loginToApi } from '../support/api-client.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { openFlow, PASSWORD } from './flow-fixture.ts';
import { attributeOf, startCollector, type CollectedSpan } from './telemetry-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const PULSES = 3_000;
const FAST_EXPORT = { OTEL_SERVICE_NAME: 'pulse under test' };

interface RunAnswer {
  readonly id: string;
  readonly state: string;
}

test('from a request for a populate run to the flush, each step leads to the next', async () => {
  const collector = await startCollector();
  const flow = await openFlow({
    ...FAST_EXPORT,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=a-key-of-the-collector',
    // Almost none of the batches and flushes are sampled: these are recorded because of the traces they carry.
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0',
    FLUSH_ON_EXIT: 'true',
    BATCH_SIZE: '500',
  });
  const system = await flow.start('start');
  const api = await loginToApi({ api: system.ready.api!, username: 'admin', password: PASSWORD });
  const caller = { traceId: 'a'.repeat(31) + '1', spanId: 'b'.repeat(15) + '1' };
  const { status, body } = await api.request<RunAnswer>('/pulses/populate', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      traceparent: `00-${caller.traceId}-${caller.spanId}-01`,
    },
    body: JSON.stringify({ total_messages: PULSES, workers_number: 2, buffer_size: 200 }),
  });
  expect(status).toBe(202);
  await flow.settled({ counted: PULSES });
  await eventually(
    async () => (await api.request<RunAnswer>(`/pulses/populate/${body.id}`)).body.state,
  ).toBe('completed');
  system.signal('SIGTERM');
  expect((await system.ended).exitCode).toBe(0);

  const named = (name: string) => collector.spans.filter((span) => span.name === name);
  const [request] = named('POST /api/v1/pulses/populate');
  expect(request).toMatchObject({ traceId: caller.traceId, parentSpanId: caller.spanId });
  expect(attributeOf(request, 'http.response.status_code')).toBe(202);
  const [run] = named('populate');
  expect(run).toMatchObject({ traceId: caller.traceId, parentSpanId: request!.spanId });

  const batches = named(`process ${flow.queue}`);
  const links = (span: CollectedSpan) => (span.links ?? []).map(({ spanId }) => spanId);
  for (const batch of batches) expect(links(batch)).toEqual([run!.spanId]);
  const appended = batches.map((batch) => Number(attributeOf(batch, 'pulse.appended')));
  expect(appended.reduce((sum, count) => sum + count, 0)).toBe(PULSES);
  const appendedIn = named('append').map(({ parentSpanId }) => parentSpanId);
  expect(appendedIn.sort()).toEqual(batches.map(({ spanId }) => spanId).sort());

  const [flush] = named('flush');
  expect(links(flush!).sort()).toEqual(batches.map(({ spanId }) => spanId).sort());
  const [written] = named('flush batch');
  expect(written).toMatchObject({ traceId: flush!.traceId, parentSpanId: flush!.spanId });
  expect(attributeOf(written, 'pulse.pulses')).toBe(PULSES);
  expect(attributeOf(written, 'pulse.outcome')).toBe('flushed');

  // What nobody asked to record is missing: the login, and the requests after the run.
  expect(named('POST /api/v1/login')).toEqual([]);
  expect(collector.services).toEqual(new Set([FAST_EXPORT.OTEL_SERVICE_NAME]));
  expect(collector.headers?.['x-api-key']).toBe('a-key-of-the-collector');
  expect((await system.ended).stderr).not.toContain('a-key-of-the-collector');
});

test('the trace of a producer is linked to the batch of its pulse; an unavailable collector delays nothing', async () => {
  const collector = await startCollector();
  const flow = await openFlow({ OTEL_TRACES_EXPORTER: 'otlp' });
  await flow.flush();
  const headers = {
    traced: { traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` },
    unrecorded: { traceparent: `00-${'e'.repeat(32)}-${'f'.repeat(16)}-00` },
    broken: { traceparent: ['no', { text: 1 }] },
  };
  const pulse = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: 1 };
  const send = (round: number) =>
    flow.producer.publish(
      Object.entries(headers).map(([name, given]) => ({
        body: Buffer.from(JSON.stringify({ ...pulse, id: `${name} ${round}` })),
        options: { headers: given },
      })),
    );
  const away = await flow.start('worker', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
  await send(1);
  await flow.settled({ counted: 3 });
  away.signal('SIGTERM');
  expect(await away.ended).toMatchObject({ exitCode: 0 });

  const worker = await flow.start('worker', { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  await send(2);
  await flow.settled({ counted: 6 });
  worker.signal('SIGTERM');
  await worker.ended;
  const links = collector.spans.flatMap((span) => span.links ?? []);
  expect(links).toMatchObject([{ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) }]);
});

test('OTEL_SDK_DISABLED, or nothing set, means no traces', async () => {
  const collector = await startCollector();
  const flow = await openFlow({
    OTEL_SDK_DISABLED: 'true',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  });
  await flow.flush();
  const worker = await flow.start('worker');
  await flow.producer.publish([
    {
      body: Buffer.from(
        '{"tenant":"a","product_sku":"b","use_unity":"c","used_amount":1,"id":"1"}',
      ),
      options: { headers: { traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01` } },
    },
  ]);
  await flow.settled({ counted: 1 });
  worker.signal('SIGTERM');
  await worker.ended;
  expect(collector.spans).toEqual([]);
});
