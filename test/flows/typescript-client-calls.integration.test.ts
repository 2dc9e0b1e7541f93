import { expect, test, vi } from 'vitest';
import {
  createPulseClient,
  type DeadLettersQuery,
  type PulseClient,
  type UsageQuery,
} from '../../clients/typescript/src/pulse-client.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { collect, watchCalls } from './client-calls.ts';
import { openFlow, PASSWORD, type Flow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const CREDENTIALS = { username: 'admin', password: PASSWORD };
/** All in one hour, whenever the test runs. */
const USED_AT = new Date(Date.now() - 60_000);
const PULSE = {
  tenant: 'acme',
  product_sku: 'object-storage',
  use_unity: 'GB',
  used_amount: '0.1',
  timestamp: USED_AT.toISOString(),
};
const HOUR_MS = 3_600_000;

test('a real server accepts every call about usage with every parameter, and the answers match the types', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('start');
  const { client, uncalled } = watchCalls(createPulseClient({ url: ready.api! }));
  await expect(client.pulses.list()).rejects.toMatchObject({
    name: 'PulseApiError',
    ...{ status: 401, code: 'PULSE_API_UNAUTHENTICATED' },
  });
  const { token, expiresAt } = await client.login(CREDENTIALS);
  expect(token.split('.')).toHaveLength(3);
  expect(expiresAt.getTime() - Date.now()).toBeLessThanOrEqual(HOUR_MS);
  expect(expiresAt.getTime() - Date.now()).toBeGreaterThan(HOUR_MS - 60_000);

  await checkSending(client);
  const meter = client.meter();
  meter.record({ ...PULSE, use_unity: 'TB', used_amount: 2n, timestamp: USED_AT });
  expect(await meter.close()).toEqual([]);
  await flow.settled({ counted: 4 });
  await checkUsage(client);
  await flow.flush();
  await checkRows(client);
  await checkDeadLetters(flow, client);
  await checkDecisions(flow, client);
  await checkPopulate(client);
  await checkStatus(client);
  expect(uncalled().pipeline).toEqual([]);

  const keys = await flow.call(['keys', 'create', '--name', 'meter', '--tenant', 'acme', '--json']);
  const { key } = JSON.parse(keys.stdout) as { key: string };
  const machine = createPulseClient({ url: ready.api!, token: () => Promise.resolve(key) });
  expect(await machine.pulses.list()).toMatchObject({ total: 2 });
  await expect(machine.send([PULSE])).rejects.toMatchObject({ code: 'PULSE_API_FORBIDDEN' });
});

async function checkPopulate({ populate }: PulseClient): Promise<void> {
  const asked = {
    ...{ total_messages: 250, workers_number: 2, buffer_size: 200, pulses_per_message: 100 },
  };
  const started = await populate.start(asked);
  expect(started).toMatchObject({ ...asked, state: 'running' });
  await eventually(async () => (await populate.get(started.id)).state).toBe('completed');
  expect(await populate.get(started.id)).toEqual({
    ...started,
    state: 'completed',
    ...{ published: 250, confirmed: 250, confirmed_messages: 3 },
    rate_per_second: expect.any(Number) as number,
    finished_at: expect.any(String) as string,
  });
}

async function checkStatus({ status }: PulseClient): Promise<void> {
  expect(await status.get()).toMatchObject({ unavailable: [], sums: { sealed: 0 } });
  expect((await status.history()).data.length).toBeGreaterThan(0);
  expect(await status.setPaused(true, 'why')).toMatchObject({ paused: true, note: 'why' });
  expect(await status.setPaused(false)).toMatchObject({ paused: false, by: 'admin', note: null });
  const { findings } = await status.doctor();
  expect(findings.map(({ name }) => name)).toContain('rabbitmq queue');
}

/** Leaves three pulses in the queue. */
async function checkSending(client: PulseClient): Promise<void> {
  const pulses = [PULSE, { ...PULSE, used_amount: 0 }, { ...PULSE, id: 'mine', used_amount: 0.2 }];
  expect(await client.send(pulses)).toEqual([
    { index: 0, status: 'accepted', id: expect.any(String) as string },
    {
      ...{ index: 1, status: 'rejected', field: 'used_amount', code: 'amount_not_positive' },
      reason: expect.any(String) as string,
    },
    { index: 2, status: 'accepted', id: 'mine' },
  ]);
  // The request as a whole is a problem, but each pulse still has an outcome.
  expect(await client.send([{ ...PULSE, tenant: '' }])).toMatchObject([
    { index: 0, status: 'rejected', field: 'tenant', code: 'invalid_tenant' },
  ]);
  const once = { idempotencyKey: 'once' };
  const first = await client.send([PULSE], once);
  expect(await client.send([PULSE], once)).toEqual(first);
  await expect(client.send([{ ...PULSE, used_amount: '9' }], once)).rejects.toMatchObject({
    code: 'PULSE_API_IDEMPOTENCY_KEY_REUSED',
  });
  await expect(client.send([PULSE], { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'PulseConnectionError',
  });
}

/** Run before the first flush. */
async function checkUsage(client: PulseClient): Promise<void> {
  const query: UsageQuery = {
    window: 'day',
    tz: 'Europe/Berlin',
    group_by: ['tenant', 'product_sku'],
    order: 'desc',
    tenant: ['acme', 'other'],
    product_sku: PULSE.product_sku,
    use_unity: ['GB', 'TB'],
    from: new Date(Math.floor(Date.now() / HOUR_MS - 2) * HOUR_MS),
    to: '2100-01-01',
  };
  const page = await client.usage.page({ ...query, limit: 1 });
  expect(page).toMatchObject({ next: expect.any(String) as string, provisional: true, pending: 4 });
  expect(Date.parse(page.final_through)).toBeLessThan(Date.parse(page.complete_through));
  expect(page.data[0]).toEqual({
    ...{ tenant: 'acme', product_sku: PULSE.product_sku, use_unity: 'TB', used_amount: '2' },
    ...{ pulse_count: 1, provisional: true },
    window_start: expect.stringMatching(/T00:00:00\+0[12]:00$/) as string,
    window_end: expect.stringMatching(/T00:00:00\+0[12]:00$/) as string,
  });
  const rest = await client.usage.page({ ...query, limit: 1, after: page.next! });
  expect(rest.data).toMatchObject([{ use_unity: 'GB', used_amount: '0.4', pulse_count: 3 }]);
  expect(await collect(client.usage.rows({ ...query, limit: 1 }))).toEqual([
    ...page.data,
    ...rest.data,
  ]);
  expect(await client.usage.page({ live: false })).toMatchObject({ data: [], pending: null });
  expect(await client.usage.page({ as_of: new Date(Date.now() - 1_000) })).toMatchObject({
    ...{ data: [], provisional: false },
  });
}

/** Run after the first flush. */
async function checkRows(client: PulseClient): Promise<void> {
  const { tenant, product_sku } = PULSE;
  const period = { from: new Date(Date.now() - 2 * HOUR_MS), to: new Date() };
  const all = await client.pulses.list();
  expect(all).toMatchObject({ page: 1, total: 2, data: { length: 2 } });
  const query = { ...period, tenant, product_sku, use_unity: 'TB', page: 1, limit: 5 };
  const { data, ...rest } = await client.pulses.list(query);
  expect(rest).toEqual({ page: 1, limit: 5, total: 1 });
  expect(data).toEqual([
    {
      ...{ tenant, product_sku, use_unity: 'TB', used_amount: '2', pulse_count: 1 },
      id: expect.stringMatching(/^\d+$/) as string,
      window_start: expect.stringMatching(/:00:00(\.000)?Z$/) as string,
      flush_batch_id: expect.any(String) as string,
      flushed_at: expect.any(String) as string,
    },
  ]);
  const walked = [];
  for await (const row of client.pulses.rows({ ...period, tenant, limit: 1 })) walked.push(row);
  expect(walked).toEqual(all.data);
  expect(await client.pulses.after({ after: walked[0]!.id, limit: 1 })).toEqual({
    ...{ data: walked.slice(1), limit: 1, next: null },
  });
  expect(await client.pulses.get(data[0]!.id)).toEqual(data[0]);
  await expect(client.pulses.get('999999999')).rejects.toMatchObject({
    ...{ status: 404, code: 'PULSE_API_NOT_FOUND' },
  });
}

/** A pulse that the API would refuse reaches the quarantine only through the queue. */
async function checkDeadLetters(flow: Flow, client: PulseClient): Promise<void> {
  const bad = { ...PULSE, used_amount: '-1' };
  const bodies = { one: bad, two: [PULSE, bad], other: { ...PULSE, tenant: '' } };
  await flow.producer.publish(
    Object.entries(bodies).map(([messageId, body]) => ({
      body: Buffer.from(JSON.stringify(body)),
      options: { messageId },
    })),
  );
  await flow.settled({ deadLetters: 3 });
  const { data, next } = await client.deadLetters.page();
  expect({ next, count: data.length }).toEqual({ next: null, count: 3 });
  const filters: DeadLettersQuery = {
    reason: 'amount_not_positive',
    tenant: 'acme',
    state: 'quarantined',
    from: new Date(Date.now() - HOUR_MS),
    to: new Date(Date.now() + HOUR_MS),
  };
  const page = await client.deadLetters.page({ ...filters, message_id: 'two' });
  expect(page).toEqual({
    data: [
      {
        ...{ id: expect.any(String) as string, detail: expect.any(String) as string },
        ...{ state: 'quarantined', reason: 'amount_not_positive', is_fixed: false },
        ...{ tenant: 'acme', message_id: 'two', pulse_id: 'two#1', queue: null, pulse_index: 1 },
        ...{ exchange: flow.queue, routing_key: flow.queue, redelivered: false },
        body_bytes: JSON.stringify(bad).length,
        received_at: expect.any(String) as string,
      },
    ],
    next: null,
  });
  const first = await client.deadLetters.page({ ...filters, limit: 1 });
  const second = await client.deadLetters.page({ ...filters, limit: 1, after: first.next! });
  expect(second.next).toBeNull();
  const walked = await collect(client.deadLetters.all({ ...filters, limit: 1 }));
  expect(walked).toEqual([...first.data, ...second.data]);
  expect(walked.map(({ message_id }) => message_id).sort()).toEqual(['one', 'two']);
  expect(await client.deadLetters.page({ ...filters, pulse_id: 'two#1' })).toEqual(page);
  expect(await client.deadLetters.page({ state: 'discarded' })).toEqual({ data: [], next: null });
}

/** Run after them: three dead letters wait. */
async function checkDecisions(flow: Flow, { deadLetters }: PulseClient): Promise<void> {
  const { data } = await deadLetters.page({ message_id: 'one' });
  const { id } = data[0]!;
  const bad = JSON.stringify({ ...PULSE, used_amount: '-1' });
  const shown = await deadLetters.get(id);
  expect(shown).toEqual({
    ...data[0],
    properties: expect.objectContaining({ headers: expect.anything() as object }) as object,
    ...{ body: { encoding: 'utf8', content: bad }, body_is_cut: false, original_body: null },
    original_tenant: null,
    ...{ maybe_counted_since: null, actions: [] },
  });
  const good = JSON.stringify({ ...PULSE, use_unity: 'fixed' });
  const fix = { content: Buffer.from(good).toString('base64'), note: 'a sign too much' };
  const fixed = await deadLetters.fix(id, { ...fix, encoding: 'base64' });
  expect(fixed).toEqual({ ...data[0], is_fixed: true, body_bytes: good.length });
  const replayed = await deadLetters.replay(id, { even_if_forgotten: false });
  expect(replayed).toEqual({
    outcome: 'replayed',
    dead_letter: { ...fixed, state: 'replayed' },
  });
  await flow.settled({ counted: 5 });
  const { actions } = await deadLetters.get(id);
  expect(actions.map(({ action }) => action)).toEqual(['fixed', 'replay_started', 'replayed']);
  expect(actions[0]).toEqual({
    ...{ action: 'fixed', actor: 'admin', via: 'api', note: fix.note },
    at: expect.any(String) as string,
    body_sha256_before: expect.stringMatching(/^[\da-f]{64}$/) as string,
    body_sha256: expect.stringMatching(/^[\da-f]{64}$/) as string,
  });

  const twice = deadLetters.discard(id, 'too late');
  await expect(twice).rejects.toMatchObject({ code: 'PULSE_API_DEAD_LETTER_STATE' });
  const [two] = (await deadLetters.page({ message_id: 'two' })).data;
  expect(await deadLetters.discard(two!.id, 'test')).toEqual({ ...two, state: 'discarded' });
  const waiting = await deadLetters.page({ state: 'quarantined' });
  const period = { from: new Date(Date.now() - HOUR_MS), to: new Date(Date.now() + HOUR_MS) };
  const preview = { matched: 1, by_reason: { invalid_tenant: 1 }, first: waiting.data };
  const bulk = { ...period, reason: 'invalid_tenant', limit: 5 };
  const none = {
    replayed: 0,
    overtaken: 0,
    forgotten: 0,
    full: 0,
    unroutable: 0,
    missing: 0,
    next: null,
    error: null,
  };
  expect(await deadLetters.replayMany({ ...bulk, rate_per_second: 10, dry_run: true })).toEqual({
    ...{ ...preview, ...none, dry_run: true, end: 'finished' },
  });
  expect(await deadLetters.replayMany(bulk)).toMatchObject({
    ...{ ...preview, dry_run: false, end: 'finished', replayed: 1 },
  });
  // The same body is refused again, and waits again.
  const waitingCount = async () => (await deadLetters.page({ state: 'quarantined' })).data.length;
  await eventually(waitingCount).toBe(1);
  expect(await deadLetters.discardMany({ ...bulk, message_id: 'other', note: 'test' })).toEqual({
    ...{ ...preview, first: expect.anything() as object, dry_run: false, discarded: 1 },
  });
  await expect(deadLetters.discardMany({ note: 'all' })).rejects.toMatchObject({ status: 400 });
}
