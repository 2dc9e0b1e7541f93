import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DASHBOARDS } from '../../grafana/source/dashboards.ts';
import type { PanelSource } from '../../grafana/source/panel.ts';
import { newSecretKeys } from '../../src/delivery/secret-box.ts';
import { startReceiver } from '../delivery/receiver.ts';
import { makeTraffic, openFlow, PASSWORD, toMessage, type Flow } from '../flows/flow-fixture.ts';
import { loginToApi, type ApiClient } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import {
  findPrometheus,
  runPromtool,
  startPrometheus,
  type Prometheus,
  type Series,
} from '../support/prometheus.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const RULES = resolve('grafana/alerts/pulse.yml');
const POPULATED = 60_000;
const NO_CONSUMERS = 'max(pulse_queue_consumers{queue="main"}) == 0';
const nowSec = (): number => Math.floor(Date.now() / 1000);

test('every alert fires and clears', async () => {
  const programs = await findPrometheus();
  const { ok, output } = await runPromtool(programs, [
    'test',
    'rules',
    resolve('grafana/alerts/tests/pulse.yml'),
  ]);
  expect({ ok, output }).toEqual({
    ok: true,
    output: expect.stringContaining('SUCCESS') as string,
  });
  const tested = readFileSync('grafana/alerts/tests/pulse.yml', 'utf8');
  for (const [, name] of readFileSync(RULES, 'utf8').matchAll(/- alert: (\w+)/g)) {
    expect(tested, `a case in which ${name!} fires`).toMatch(
      new RegExp(`alertname: ${name!}\\n +exp_alerts:\\n`),
    );
    expect(tested, `a case in which ${name!} is silent`).toContain(
      `alertname: ${name!}, exp_alerts: [] }`,
    );
  }
});

test('Prometheus accepts the configuration for docker-compose', async () => {
  const check = ['check', 'config', '--syntax-only', resolve('grafana/prometheus.yml')];
  expect(await runPromtool(await findPrometheus(), check)).toMatchObject({ ok: true });
});

test('under load every panel and alert finds its data; a pause fires no alert, but the loss of workers does', async () => {
  const programs = await findPrometheus();
  const flow = await openFlow({
    FLUSH_CRON: '*/5 * * * * *',
    WEBHOOK_SECRET_KEYS: newSecretKeys(),
    WEBHOOK_ALLOW_PRIVATE: 'true',
  });
  const worker = await flow.start('worker');
  const { ready } = await flow.start('api');
  const processor = await flow.start('processor');
  const service = flow.begin(['enrichment-service', '--port', '0', '--json']);
  const { url: ENRICHMENT_URL } = JSON.parse(await service.firstLine()) as { url: string };
  const enricher = await flow.start('enricher', { ENRICHMENT_URL });
  const sender = await flow.start('sender');
  const exporter = await flow.start('exporter');
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  const urls = [worker, { ready }, processor, enricher, sender, exporter].map(
    (one) => one.ready.metrics,
  );
  const prometheus = await startPrometheus(programs, {
    targets: urls.map((url) => new URL(url).host),
    rules: RULES,
  });
  const fromSec = nowSec();
  const api = await loginToApi({
    api: ready.api!,
    username: ready.username!,
    password: PASSWORD,
  });
  await fillCatalog(api, receiver.url);
  await makeLoad(flow, api, prometheus);

  const dataOf = (panel: PanelSource): Promise<Record<string, Series[]>> =>
    queryPanel(prometheus, panel, { fromSec, toSec: nowSec() });
  const panels = DASHBOARDS.flatMap((dashboard) =>
    dashboard.rows.flatMap((row) => row.panels.map((panel) => ({ dashboard, panel }))),
  );
  await eventually(async () => {
    // A rate needs requests between two scrapes.
    expect((await api.request('/pulses?limit=10')).status).toBe(200);
    expect((await api.post('/subscriptions', { user_id: 'observed' })).status).toBe(201);
    const empty: string[] = [];
    for (const { dashboard, panel } of panels) {
      for (const [legend, series] of Object.entries(await dataOf(panel))) {
        if (!hasNumber(series)) empty.push(`${dashboard.title} / ${panel.title} / ${legend}`);
      }
    }
    return empty;
  }).toEqual([]);

  const rules = await prometheus.rules();
  expect(rules.map(({ name }) => name)).toContain('NoConsumer');
  for (const { name, query, health, lastError } of rules) {
    expect({ name, health, lastError }).toEqual({ name, health: 'ok', lastError: undefined });
    for (const [selector] of query.matchAll(/\bpulse_\w+(\{[^}]*\})?/g)) {
      expect(await prometheus.countSeries(selector), `${name}: ${selector}`).toBeGreaterThan(0);
    }
  }
  for (const url of urls) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const { output } = await runPromtool(programs, ['check', 'metrics'], text);
    expect(output.split('\n').filter((line) => line.startsWith('pulse_'))).toEqual([]);
  }

  const exprOf = (name: string): string => rules.find((rule) => rule.name === name)!.query;
  await flow.run(['pause']);
  await eventually(() => prometheus.countSeries(exprOf('IngestPaused'))).toBe(1);
  await eventually(() => prometheus.countSeries(NO_CONSUMERS)).toBe(1);
  expect(await prometheus.countSeries(exprOf('NoConsumer'))).toBe(0);

  worker.signal('SIGKILL');
  await worker.ended;
  await flow.producer.publish(makeTraffic(10, 'afterwards', 1_000_000).map(toMessage));
  await eventually(() => prometheus.countSeries(exprOf('NoConsumer'))).toBe(1);
  await eventually(() => prometheus.countSeries('pulse_oldest_pulse_age_seconds > 0')).toBe(1);
});

/** Good pulses from the API, and good, repeated and bad ones from a producer, spread over several scrapes. */
async function makeLoad(flow: Flow, api: ApiClient, prometheus: Prometheus): Promise<void> {
  await prometheus.scraped();
  await api.post('/pulses/populate', {
    total_messages: POPULATED,
    workers_number: 2,
    buffer_size: 200,
  });
  const traffic = makeTraffic(8_000, 'observed');
  for (let index = 0; index < traffic.length; index += 1_000) {
    await flow.producer.publish(traffic.slice(index, index + 1_000).map(toMessage));
    await orderThings(api);
    await prometheus.scraped();
  }
  await flow.settled({ counted: POPULATED });
}

/** And the endpoint that gets the events of orders. */
async function fillCatalog(api: ApiClient, url: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const put = (path: string, body: object) =>
    api.request(path, { method: 'PUT', headers, body: JSON.stringify(body) });
  await put('/customers/observed', { name: 'Acme Inc.' });
  expect((await put('/endpoints/observed', { client: 'observed', url })).status).toBe(201);
  await put('/products/observed', { name: 'Thing', unit: 'count' });
  await api.post('/products/observed/prices', {
    currency: 'USD',
    unit_amount: '2.5',
    valid_from: '2026-01-01T00:00:00Z',
  });
}

async function orderThings(api: ApiClient): Promise<void> {
  const order = { customer_id: 'observed', items: [{ sku: 'observed', qty: 2 }] };
  for (let count = 0; count < 5; count++) {
    expect((await api.post('/orders', order)).status).toBe(202);
  }
}

async function queryPanel(
  prometheus: Prometheus,
  { queries }: PanelSource,
  span: { fromSec: number; toSec: number },
): Promise<Record<string, Series[]>> {
  const found: Record<string, Series[]> = {};
  for (const [legend, query] of Object.entries(queries)) {
    const expr = query.replaceAll('$__rate_interval', '4s').replaceAll('$__range', '60s');
    found[legend] = await prometheus.queryRange(expr, span);
  }
  return found;
}

function hasNumber(series: readonly Series[]): boolean {
  return series.some(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))));
}
