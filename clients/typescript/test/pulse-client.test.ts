import { describe, expect, test } from 'vitest';
import { createPulseClient, PulseApiError, PulseConnectionError } from '../src/pulse-client.ts';
import { reply, serve } from './fake-api.ts';

const PULSE = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: 1.5 };

test('queries are written as the API reads them: lists repeated, dates as instants', async () => {
  const { url, seen } = await serve(reply(200, { data: [], next: null }));
  const client = createPulseClient({ url, token: 'secret' });
  await client.usage.page({
    from: new Date('2026-11-01T00:00:00Z'),
    tenant: ['a&b', 'c d'],
    group_by: ['product_sku'],
    live: false,
    limit: 7,
  });
  expect(seen[0]).toMatchObject({
    method: 'GET',
    url:
      '/api/v1/usage?from=2026-11-01T00%3A00%3A00.000Z&tenant=a%26b&tenant=c+d' +
      '&group_by=product_sku&live=false&limit=7',
    authorization: 'Bearer secret',
  });
});

test('rows are followed from page to page', async () => {
  const { url, seen } = await serve((request, response) => {
    const after = new URL(request.url ?? '', 'http://x').searchParams.get('after');
    const next = after === null ? 'c1' : after === 'c1' ? 'c2' : null;
    reply(200, { data: [{ use_unity: after ?? 'first' }], next })(request, response);
  });
  const units: string[] = [];
  for await (const row of createPulseClient({ url }).usage.rows({ window: 'day' })) {
    units.push(row.use_unity);
  }
  expect(units).toEqual(['first', 'c1', 'c2']);
  expect(seen[2]!.url).toBe('/api/v1/usage?window=day&after=c2');
});

test('rows after an undefined row are those from the first one', async () => {
  const { url, seen } = await serve(reply(200, { data: [], next: null }));
  const after = undefined as unknown as string;
  const { pulses } = createPulseClient({ url });
  await pulses.after({ after });
  for await (const row of pulses.rows({ after, limit: 2 })) expect(row).toBeUndefined();
  expect(seen.map(({ url: path }) => path)).toEqual([
    '/api/v1/pulses?after=0',
    '/api/v1/pulses?after=0&limit=2',
  ]);
});

test.each(['rows', 'pull'] as const)(
  'an answer without a cursor ends the list with an error, not with its first page again: %s',
  async (name) => {
    const { url, seen } = await serve(reply(200, { data: [{ id: '1' }], total: 1 }));
    const { usage, messages } = createPulseClient({ url });
    const follow = async () => {
      const rows = name === 'rows' ? usage.rows() : messages.pull('acme');
      while (seen.length < 3) await rows.next();
    };
    await expect(follow()).rejects.toThrow(PulseApiError);
    expect(seen).toHaveLength(1);
  },
);

test('a login is used by the calls after it', async () => {
  const { url, seen } = await serve(
    reply(200, { Auth: { Token: 'fresh', ExpiresAt: 1_800_000_000 }, data: [] }),
  );
  const client = createPulseClient({ url });
  const { expiresAt } = await client.login({ username: 'a', password: 'b' });
  expect(expiresAt).toEqual(new Date(1_800_000_000_000));
  await client.pulses.list();
  expect(seen.map(({ authorization }) => authorization)).toEqual([undefined, 'Bearer fresh']);
});

test('a token that does not come ends with the time-out, and does not hold up the end of a meter', async () => {
  const token = () => new Promise<string>(() => undefined);
  const never = { url: 'http://127.0.0.1:9', token };
  await expect(createPulseClient({ ...never, timeoutMs: 10 }).pulses.list()).rejects.toThrow(
    'There was no token in time.',
  );
  const meter = createPulseClient(never).meter();
  const id = meter.record(PULSE);
  expect(await meter.close(10)).toMatchObject([{ id }]);
});

test.each([Infinity, 30 * 86_400_000])('a time-out of %d ms is a long one', async (timeoutMs) => {
  const { url } = await serve((request, response) => {
    setTimeout(() => {
      reply(200, { total: 3 })(request, response);
    }, 50);
  });
  expect(await createPulseClient({ url, timeoutMs }).pulses.list()).toEqual({ total: 3 });
});

test('a token function is called for every request', async () => {
  const { url, seen } = await serve(reply(200, {}));
  let count = 0;
  const client = createPulseClient({ url, token: () => Promise.resolve(`t${++count}`) });
  await client.pulses.get('a/b');
  await client.pulses.get('7');
  expect(seen.map(({ url: path, authorization }) => [path, authorization])).toEqual([
    ['/api/v1/pulses/a%2Fb', 'Bearer t1'],
    ['/api/v1/pulses/7', 'Bearer t2'],
  ]);
});

describe('send', () => {
  const outcomes = [{ index: 0, status: 'rejected', field: 'tenant', code: 'x', reason: 'y' }];

  test('gives every pulse an id', async () => {
    const { url, seen } = await serve(reply(202, { outcomes: [] }));
    await createPulseClient({ url }).send([PULSE]);
    expect(JSON.parse(seen[0]!.body)).toEqual([
      {
        ...PULSE,
        id: expect.stringMatching(/^[\da-f-]{36}$/) as string,
        timestamp: expect.stringMatching(/Z$/) as string,
      },
    ]);
  });

  test('with a key sends the same body at every attempt', async () => {
    const { url, seen } = await serve(reply(202, { outcomes: [] }));
    const client = createPulseClient({ url });
    await client.send([PULSE], { idempotencyKey: 'k' });
    await client.send([PULSE], { idempotencyKey: 'k' });
    expect(seen.map(({ key }) => key)).toEqual(['k', 'k']);
    expect(seen[1]!.body).toBe(seen[0]!.body);
  });

  test.each([202, 422, 503])('returns the outcomes that come with %i', async (status) => {
    const { url } = await serve(reply(status, { code: 'X', detail: 'y', outcomes }));
    expect(await createPulseClient({ url }).send([PULSE])).toEqual(outcomes);
  });
});

test.each([[{}], [[]], [null], [{ outcomes: 'none' }], [{ outcomes: [null] }]])(
  'a meter whose URL leads to another server, which answers %j, keeps its pulses and says so',
  async (body) => {
    const { url, seen } = await serve(reply(200, body));
    const meter = createPulseClient({ url }).meter();
    const id = meter.record(PULSE);
    expect(await meter.close()).toMatchObject([{ id }]);
    expect(meter.lastError).toMatchObject({
      name: 'PulseApiError',
      message: '200: the answer is not from Pulse. Check the url, and what is between.',
    });
    expect(seen).toHaveLength(1);
  },
);

describe('what fails', () => {
  const failure = (url: string, timeoutMs = 5_000) =>
    createPulseClient({ url, timeoutMs })
      .pulses.list()
      .catch((error: unknown) => error);

  test('keeps the problem and the delay that the API asks for', async () => {
    const problem = { code: 'PULSE_API_BUSY', detail: 'later', status: 503 };
    const { url } = await serve(reply(503, problem, { 'retry-after': '7' }));
    const error = await failure(url);
    expect(error).toBeInstanceOf(PulseApiError);
    expect(error).toMatchObject({
      status: 503,
      code: 'PULSE_API_BUSY',
      problem,
      retryAfterMs: 7_000,
    });
  });

  test('reads a Retry-After that is a date', async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    const { url } = await serve(reply(429, {}, { 'retry-after': date }));
    const { retryAfterMs } = (await failure(url)) as PulseApiError;
    expect(retryAfterMs).toBeGreaterThan(1_000);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test('is an API error without a code when a proxy answers with a page', async () => {
    const { url } = await serve(reply(200, '<html>'));
    expect(await failure(url)).toMatchObject({ name: 'PulseApiError', status: 200, code: '' });
  });

  test('is a connection error when there is no answer, or not in time', async () => {
    expect(await failure('http://127.0.0.1:1')).toBeInstanceOf(PulseConnectionError);
    const { url } = await serve(() => undefined);
    expect(await failure(url, 50)).toBeInstanceOf(PulseConnectionError);
  });
});
