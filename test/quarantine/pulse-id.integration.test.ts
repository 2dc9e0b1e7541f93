/** Dead letters are found by the id of their pulse. */
import { describe, expect, test } from 'vitest';
import { sentPulse } from '../support/pulses.ts';
import { useQuarantineApi } from './quarantine-api.ts';
import { useQuarantineFixture } from './quarantine-fixture.ts';

const fixture = useQuarantineFixture();
const api = useQuarantineApi(fixture);

const bad = (changes: Readonly<Record<string, unknown>>) => ({
  ...sentPulse(changes),
  used_amount: 0,
});

async function call(sub: string, path: string, body?: object) {
  const method = body === undefined ? 'GET' : path.endsWith('/body') ? 'PUT' : 'POST';
  const res = await api.ask(method, path, { body, sub });
  return { status: res.statusCode, body: res.json<Answer>() };
}

interface Answer {
  readonly data: { readonly pulse_id: string | null; readonly tenant: string | null }[];
}

/** The tenants of what a caller finds under an id. */
async function found(sub: string, pulseId: string): Promise<(string | null)[]> {
  const { status, body } = await call(sub, `?pulse_id=${encodeURIComponent(pulseId)}`);
  expect(status).toBe(200);
  expect(body.data.every((row) => row.pulse_id === pulseId)).toBe(true);
  return body.data.map(({ tenant }) => tenant).sort();
}

describe('a dead letter', () => {
  test('is found by the id in its body, and by its place in an array that had none', async () => {
    await fixture.send(bad({ id: 'bad-unit-1' }));
    const [named, nameless] = [bad({ id: 'bad-unit-2' }), bad({ id: undefined })];
    await fixture.send([named, sentPulse({ id: 'good' }), nameless], { messageId: 'm' });
    await fixture.send('{"id":"broken"', { messageId: 'm' });
    await fixture.waiting(4);
    for (const id of ['bad-unit-1', 'bad-unit-2', 'm#2']) {
      expect(await found('alice', id), id).toEqual(['acme']);
    }
    for (const id of ['good', 'broken', 'm', 'BAD-UNIT-1']) {
      expect(await found('alice', id), id).toEqual([]);
    }
  });

  test('is found only by callers of its tenant, and so changed', async () => {
    for (const tenant of ['acme', 'globex']) await fixture.send(bad({ id: 'same', tenant }));
    await fixture.waiting(2);
    expect(await found('alice', 'same')).toEqual(['acme', 'globex']);
    expect(await found('acme', 'same')).toEqual(['acme']);
    expect(await found('globex', 'same')).toEqual(['globex']);
    const ask = { pulse_id: 'same', note: 'why' };
    expect((await call('acme', '/discard', ask)).body).toMatchObject({ discarded: 1 });
    await fixture.waiting(1, { tenant: 'globex', pulseId: 'same' });
  });

  test('has the id of its fix, and is then found by nothing else', async () => {
    await fixture.send(bad({ id: 'first' }), { messageId: 'm' });
    const [{ id } = { id: '' }] = await fixture.waiting(1);
    const fixed = { content: JSON.stringify(bad({ id: 'second' })) };
    expect(await call('acme', `/${id}/body`, fixed)).toMatchObject({
      status: 200,
      body: { pulse_id: 'second' },
    });
    expect(await found('acme', 'first')).toEqual([]);
    expect(await found('acme', 'second')).toEqual(['acme']);
    const nameless = { content: JSON.stringify(bad({ id: undefined })) };
    expect((await call('acme', `/${id}/body`, nameless)).body).toMatchObject({ pulse_id: 'm' });
  });

  test('that is a message has none, whatever its fix says', async () => {
    await fixture.send(bad({ id: 'first' }));
    const [{ id } = { id: '' }] = await fixture.waiting(1);
    await fixture.pool.query("UPDATE dead_letters SET queue = 'events', pulse_id = NULL");
    const fixed = { content: JSON.stringify(bad({ id: 'second' })) };
    expect((await call('alice', `/${id}/body`, fixed)).body).toMatchObject({ pulse_id: null });
  });
});
