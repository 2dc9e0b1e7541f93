/** PUT /dead-letters/:id/body: what is refused, and how early. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorization, createTestApp } from '../api/api-fixture.ts';
import type { Api } from '../../src/http/api-module.ts';
import { sentPulse } from '../support/pulses.ts';
import { useQuarantineFixture } from './quarantine-fixture.ts';

const fixture = useQuarantineFixture();
let app: Api;

beforeAll(async () => {
  ({ app } = await createTestApp({ pool: fixture.pool, replay: fixture.replay }));
});
afterAll(() => app.close());

async function fix(id: string, payload: object) {
  const url = `/api/v1/dead-letters/${id}/body`;
  const res = await app.inject({ method: 'PUT', url, headers: authorization(), payload });
  const body = res.json<{ code: string; errors: { field: string }[] }>();
  return { status: res.statusCode, body };
}

test('a body for a dead letter that does not exist is not even read', async () => {
  const unknown = Object.fromEntries(Array.from({ length: 500_000 }, (_, index) => [index, 1]));
  expect(await fix(randomUUID(), unknown)).toMatchObject({
    status: 404,
    body: { code: 'PULSE_API_NOT_FOUND' },
  });
});

test('a fix that is not valid, a body beyond 8 MiB, and a request beyond 12', async () => {
  await fixture.send(sentPulse({ used_amount: 0 }), { messageId: randomUUID() });
  const { id } = (await fixture.waiting(1))[0]!;
  for (const [body, field] of [
    [{}, 'content'],
    [{ content: '' }, 'content'],
    [{ content: {} }, 'content'],
    [{ content: 'no base64', encoding: 'base64' }, 'content'],
    [{ content: 'x', encoding: 'latin1' }, 'encoding'],
  ] as const) {
    const answer = await fix(id, body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors.map((error) => error.field)).toContain(field);
  }
  expect((await fix(id, { content: 'x'.repeat(8 * 1024 * 1024 + 1) })).status).toBe(400);
  expect((await fix(id, { content: 'x'.repeat(13 * 1024 * 1024) })).status).toBe(413);
});
