/** Workflows over HTTP, as the interface is written. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { useWorkflowsFixture } from './workflows-fixture.ts';

const fixture = useWorkflowsFixture();
const DATA = [{ sku: 'vm', hours: 1.5 }, { sku: 'disk' }];
const MISSING = randomUUID();
const CSV = 'sku,hours\r\nvm,1.5\r\ndisk,\r\n';

describe.each(['', '/api/v1'])('at %s/workflow', (base) => {
  test('a workflow is inserted, listed, consumed, and its CSV given again', async () => {
    const { ask } = fixture;
    const body = { data: DATA, steps: ['price', 'invoice'] };
    const inserted = await ask('POST', `${base}/workflow`, { body });
    expect(inserted).toMatchObject({ status: 201, body: { ...body, status: 'inserted' } });
    const { uuid } = inserted.body as { uuid: string };
    expect(inserted.headers.location).toBe(`${base}/workflow/${uuid}`);
    await expect.poll(fixture.depth).toBe(1);
    expect((await ask('GET', `${base}/workflow`)).body.data).toMatchObject([{ uuid, ...body }]);
    expect((await ask('GET', `${base}/workflow/${uuid}`)).body).toEqual(inserted.body);

    const consumed = await ask('GET', `${base}/workflow/consume`);
    expect(consumed).toMatchObject({ status: 200, text: CSV });
    expect(consumed.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      // As one piece, which counts as an answer that may stay unread.
      'content-length': String(Buffer.byteLength(CSV)),
      'content-disposition': `attachment; filename="workflow-${uuid}.csv"`,
      'content-location': `${base}/workflow/${uuid}/csv`,
      'cache-control': 'no-store',
    });
    const shown = (await ask('GET', `${base}/workflow/${uuid}`)).body;
    expect(shown).toMatchObject({ status: 'consumed', consumed_by: 'alice' });
    expect((await ask('GET', `${base}/workflow/${uuid}/csv`)).text).toBe(CSV);
    expect(await ask('GET', `${base}/workflow/consume`)).toMatchObject({ status: 204, text: '' });
  });
});

test('numbers come back with every digit', async () => {
  const data = '{"n":[1.10,1e2,-0,12345678901234567890.5]}';
  const body = `{"data": ${data}, "steps": ["one"]}`;
  const { text, body: inserted } = await fixture.ask('POST', '/workflow', { body });
  expect(text).toContain(`"data":${data}`);
  const shown = await fixture.ask('GET', `/workflow/${String(inserted.uuid)}`);
  expect(shown.text).toContain(`"data":${data}`);
  expect((await fixture.ask('GET', '/workflow')).text).toContain(`"data":${data}`);
  const { rows } = await fixture.pool.query<{ first: string }>(
    `SELECT data -> 'n' ->> 3 AS first FROM workflows`,
  );
  expect(rows).toEqual([{ first: '12345678901234567890.5' }]);
});

describe('the status', () => {
  test('becomes consumed by hand, and the message in the queue is old then', async () => {
    const id = await fixture.insert(DATA);
    const changed = await fixture.ask('PATCH', `/workflow/${id}`, { body: { status: 'consumed' } });
    expect(changed).toMatchObject({ status: 200, body: { status: 'consumed', data: DATA } });
    expect((await fixture.ask('GET', `/workflow/${id}/csv`)).text).toBe(CSV);
    expect((await fixture.ask('GET', '/workflow/consume')).status).toBe(204);
  });

  test('becomes inserted again, and its message counts that is still in the queue', async () => {
    const id = await fixture.insert(DATA);
    const change = (status: string) =>
      fixture.ask('PATCH', `/workflow/${id}`, { body: { status } });
    await change('consumed');
    const again = await change('inserted');
    expect(again.body).toMatchObject({ status: 'inserted', consumed_at: null, consumed_by: null });
    for (const status of ['consumed', 'inserted', 'consumed', 'inserted']) await change(status);
    const left = async () => {
      const { rowCount } = await fixture.pool.query('SELECT FROM graphile_worker._private_jobs');
      return { rowCount, depth: await fixture.depth() };
    };
    // The relay deletes its job after the message is in the queue.
    await expect.poll(left).toEqual({ rowCount: 0, depth: 1 });
    expect(await fixture.ask('GET', `/workflow/${id}/csv`)).toMatchObject({
      status: 409,
      body: { code: 'PULSE_API_WORKFLOW_NOT_CONSUMED' },
    });
    expect((await fixture.ask('GET', '/workflow/consume')).text).toBe(CSV);
    expect((await fixture.ask('GET', '/workflow/consume')).status).toBe(204);
    expect(await fixture.depth()).toBe(0);
  });

  test('becomes inserted again, with a new message if the old one is taken', async () => {
    const id = await fixture.insert(DATA);
    const change = (status: string) =>
      fixture.ask('PATCH', `/workflow/${id}`, { body: { status } });
    await change('consumed');
    // Takes the old message.
    expect((await fixture.ask('GET', '/workflow/consume')).status).toBe(204);
    for (const expected of [CSV, CSV]) {
      await change('inserted');
      await expect.poll(fixture.depth).toBe(1);
      expect((await fixture.ask('GET', '/workflow/consume')).text).toBe(expected);
    }
    expect((await fixture.ask('GET', '/workflow/consume')).status).toBe(204);
  });

  test('that it has already changes nothing', async () => {
    const id = await fixture.insert(DATA);
    const before = (await fixture.ask('GET', `/workflow/${id}`)).body;
    const body = { status: 'inserted' };
    expect((await fixture.ask('PATCH', `/workflow/${id}`, { body })).body).toEqual(before);
    expect(await fixture.depth()).toBe(1);
    await fixture.ask('GET', '/workflow/consume');
    const consumed = (await fixture.ask('GET', `/workflow/${id}`)).body;
    const repeated = await fixture.ask('PATCH', `/workflow/${id}`, {
      body: { status: 'consumed' },
    });
    expect(repeated.body).toEqual(consumed);
  });

  test('is one of two, of a workflow that there is', async () => {
    const id = await fixture.insert(DATA);
    const patch = (path: string, body: object) => fixture.ask('PATCH', path, { body });
    expect(await patch(`/workflow/${id}`, { status: 'done' })).toMatchObject({ status: 400 });
    expect(await patch(`/workflow/${id}`, {})).toMatchObject({ status: 400 });
    const missing = `/workflow/${MISSING}`;
    expect(await patch(missing, { status: 'consumed' })).toMatchObject({ status: 404 });
    expect(await fixture.ask('GET', missing)).toMatchObject({ status: 404 });
    expect(await fixture.ask('GET', `${missing}/csv`)).toMatchObject({ status: 404 });
  });
});

describe('the list', () => {
  test('has pages and filters', async () => {
    const [first, second, third] = [
      await fixture.insert(1, { steps: ['price'] }),
      await fixture.insert(2, { steps: ['price', 'invoice'] }),
      await fixture.insert(3, { steps: ['invoice'] }),
    ];
    await fixture.ask('GET', '/workflow/consume');
    const idsOf = async (query: string) => {
      const { body, text } = await fixture.ask('GET', `/workflow${query}`);
      expect(body.data, text).toBeDefined();
      return (body.data as { uuid: string }[]).map(({ uuid }) => uuid);
    };
    expect(await idsOf('')).toEqual([third, second, first]);
    expect(await idsOf('?status=inserted')).toEqual([third, second]);
    expect(await idsOf('?status=consumed')).toEqual([first]);
    expect(await idsOf('?step=price')).toEqual([second, first]);
    const page = await fixture.ask('GET', '/workflow?limit=2&status=inserted');
    expect(page.body.next).toBeNull();
    const { body, headers } = await fixture.ask('GET', '/workflow?limit=2');
    const next = String(body.next);
    expect(headers.link).toBe(`</workflow?limit=2&after=${next}>; rel="next"`);
    expect(await idsOf(`?limit=2&after=${next}`)).toEqual([first]);
    const { created_at: at } = (body.data as { created_at: string }[])[0]!;
    expect(await idsOf(`?from=${at}`)).toContain(third);
    expect(await idsOf('?to=2020-01-01T00:00:00Z')).toEqual([]);
    expect((await fixture.ask('GET', '/workflow?after=x')).status).toBe(400);
  });

  test('ends a page of much data early, and loses none', async () => {
    const data = 'x'.repeat(1_000_000);
    const ids = [];
    for (let count = 0; count < 11; count++) ids.unshift(await fixture.insert(data));
    const found: string[] = [];
    const sizes = [];
    for (let after = ''; ;) {
      const { body } = await fixture.ask('GET', `/workflow${after}`);
      const uuids = (body.data as { uuid: string }[]).map(({ uuid }) => uuid);
      sizes.push(uuids.length);
      found.push(...uuids);
      if (body.next === null) break;
      after = `?after=${body.next as string}`;
    }
    expect(found).toEqual(ids);
    expect(sizes).toEqual([8, 3]);
  });
});

test('a request that is repeated with its key inserts one workflow', async () => {
  const body = { data: { n: 1 }, steps: ['one'] };
  const first = await fixture.ask('POST', '/workflow', { body, key: 'k-1' });
  const again = await fixture.ask('POST', '/workflow', { body, key: 'k-1' });
  expect(again.body).toEqual(first.body);
  expect(again.headers['idempotent-replayed']).toBe('true');
  const other = { body: '{"data": {"n": 1.0}, "steps": ["one"]}', key: 'k-1' };
  expect((await fixture.ask('POST', '/workflow', other)).status).toBe(422);
  await expect.poll(fixture.depth).toBe(1);
});

test('a body may begin with a byte order mark', async () => {
  const body = `\ufeff{"data": 1.0, "steps": ["one"]}`;
  const { status, text } = await fixture.ask('POST', '/workflow', { body });
  expect({ status, text }).toMatchObject({
    status: 201,
    text: expect.stringContaining('"data":1.0') as string,
  });
});

describe('refused with a reason', () => {
  test.each([
    ['no data', { steps: ['one'] }, 'body.data'],
    ['no steps', { data: 1 }, 'body.steps'],
    ['an empty list of steps', { data: 1, steps: [] }, 'body.steps'],
    ['51 steps', { data: 1, steps: Array<string>(51).fill('one') }, 'body.steps'],
    ['a step without a name', { data: 1, steps: [''] }, 'body.steps.0'],
    ['an unknown member', { data: 1, steps: ['one'], more: 1 }, 'body.more'],
    ['a column with two values', { data: { 'a.b': 1, a: { b: 2 } }, steps: ['one'] }, 'data'],
  ])('%s', async (_, body, field) => {
    const { status, body: problem } = await fixture.ask('POST', '/workflow', { body });
    expect(status).toBe(400);
    expect(JSON.stringify(problem.errors)).toContain(field.replace('body.', ''));
    expect((await fixture.ask('GET', '/workflow')).body.data).toEqual([]);
  });

  test('more than may wait', async () => {
    await fixture.pool.query(
      `INSERT INTO workflows (id, share, created_by, data, data_text, steps)
       SELECT gen_random_uuid(), 'all', 'test', '1', '1', '{one}' FROM generate_series(1, 10000)`,
    );
    const body = { data: 1, steps: ['one'] };
    expect(await fixture.ask('POST', '/workflow', { body })).toMatchObject({
      status: 429,
      body: { code: 'PULSE_API_TOO_MANY_WORKFLOWS' },
      headers: { 'retry-after': '60' },
    });
    await fixture.pool.query(
      `INSERT INTO workflows
         (id, share, created_by, data, data_text, steps, status, is_queued, csv, consumed_at, consumed_by)
       VALUES ($1, 'all', 'test', '1', '1', '{one}', 'consumed', false, 'x', now(), 'test')`,
      [MISSING],
    );
    const back = { status: 'inserted' };
    expect((await fixture.ask('PATCH', `/workflow/${MISSING}`, { body: back })).status).toBe(429);
    expect((await fixture.ask('POST', '/workflow', { body, as: 'acme' })).status).toBe(201);
  });
});

describe('tenants', () => {
  test('see and change their own workflows only, and consume none', async () => {
    const id = await fixture.insert(DATA, { as: 'acme' });
    const get = async (as: string, path = `/workflow/${id}`) =>
      (await fixture.ask('GET', path, { as })).status;
    expect(await get('acme')).toBe(200);
    expect(await get('viewer')).toBe(200);
    expect(await get('globex')).toBe(404);
    expect((await fixture.ask('GET', '/workflow', { as: 'globex' })).body.data).toEqual([]);
    const body = { status: 'consumed' };
    expect((await fixture.ask('PATCH', `/workflow/${id}`, { body, as: 'globex' })).status).toBe(
      404,
    );
    expect((await fixture.ask('PATCH', `/workflow/${id}`, { body, as: 'viewer' })).status).toBe(
      403,
    );
    expect(await get('acme', '/workflow/consume')).toBe(403);
    expect(await get('viewer', '/workflow/consume')).toBe(403);
    expect((await fixture.ask('GET', `/workflow/${id}`)).body.status).toBe('inserted');
  });

  test('name customers of their own only', async () => {
    await fixture.pool.query(
      `INSERT INTO customers (id, name, tenant) VALUES ('c-acme', 'A', 'acme'), ('c-globex', 'G', 'globex')`,
    );
    const insert = async (client: string, as: string) => {
      const body = { data: 1, steps: ['one'], client };
      return (await fixture.ask('POST', '/workflow', { body, as })).status;
    };
    expect(await insert('c-acme', 'acme')).toBe(201);
    expect(await insert('c-globex', 'acme')).toBe(404);
    expect(await insert('c-nobody', 'acme')).toBe(404);
    expect(await insert('c-globex', 'alice')).toBe(201);
  });
});

test('HEAD consumes nothing', async () => {
  const id = await fixture.insert(DATA);
  const head = await fixture.ask('HEAD', '/workflow/consume');
  expect([head.status, head.headers.allow]).toEqual([405, 'GET']);
  expect((await fixture.ask('GET', `/workflow/${id}`)).body.status).toBe('inserted');
});
