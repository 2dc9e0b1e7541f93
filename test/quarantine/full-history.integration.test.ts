import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { ACTIONS_MAX } from '../../src/quarantine/quarantine.ts';
import { authorization, createTestApp, forgeToken } from '../api/api-fixture.ts';
import { sentPulse } from '../support/pulses.ts';
import { useQuarantineFixture } from './quarantine-fixture.ts';

const GOOD = sentPulse({ id: 'p-1' });
const BAD = { ...GOOD, used_amount: 0 };

const fixture = useQuarantineFixture();
let app: Api;
beforeAll(async () => {
  ({ app } = await createTestApp({ pool: fixture.pool, replay: fixture.replay }));
});
afterAll(() => app.close());

async function request(method: 'POST' | 'PUT', path: string, body?: object) {
  const payload = body === undefined ? {} : { payload: body };
  const url = `/api/v1/dead-letters${path}`;
  const res = await app.inject({ method, url, headers: authorization(forgeToken()), ...payload });
  return { status: res.statusCode, body: res.json<unknown>() };
}
const post = (path: string, body?: object) => request('POST', path, body);

describe('a dead letter with as many actions as it may have', () => {
  /** It may have one more. */
  async function almostFull() {
    await fixture.send(BAD);
    const id = (await fixture.waiting(1))[0]!.id;
    await fixture.pool.query(
      `INSERT INTO dead_letter_actions (id, dead_letter_id, action, actor, via)
       SELECT gen_random_uuid(), $1, 'fixed', 'alice', 'api' FROM generate_series(1, $2)`,
      [id, ACTIONS_MAX - 1],
    );
    return id;
  }
  const FULL = { status: 409, body: { code: 'PULSE_API_DEAD_LETTER_FULL' } };

  test('is neither replayed nor fixed again, and can be discarded', async () => {
    const id = await almostFull();
    const fix = () => request('PUT', `/${id}/body`, { content: JSON.stringify(GOOD) });
    expect((await fix()).status).toBe(200);
    expect(await fix()).toMatchObject(FULL);
    expect(await post(`/${id}/replay`)).toMatchObject(FULL);
    const bulk = await post('/replay', { reason: 'amount_not_positive' });
    expect(bulk.body).toMatchObject({ matched: 1, replayed: 0, forgotten: 0, full: 1 });
    expect((await post(`/${id}/discard`, { note: 'sent anew' })).status).toBe(200);
  });

  test('finishes a replay that has begun', async () => {
    const id = await almostFull();
    expect((await post(`/${id}/replay`)).body).toMatchObject({ outcome: 'replayed' });
    expect(await post(`/${id}/replay`)).toMatchObject(FULL);
  });
});
