import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { auditChanges } from '../../src/access/audit-changes.ts';

/** An API whose audit log is written when the test says so. */
async function startAudited() {
  const writes: { readonly subjects: string[]; readonly end: (error?: Error) => void }[] = [];
  const query = (_sql: string, [json]: [string]) =>
    new Promise((resolve, reject) => {
      const subjects = (JSON.parse(json) as { subject: string }[]).map(({ subject }) => subject);
      const end = (error?: Error): void => {
        if (error === undefined) resolve({ rows: [] });
        else reject(error);
      };
      writes.push({ subjects, end });
    });
  const app = Fastify();
  app.decorateRequest('user', null as never);
  app.addHook('onRequest', (request, _reply, done) => {
    request.user = { kind: 'user', name: 'ada' } as never;
    done();
  });
  auditChanges(app, { query } as never);
  app.all('/things/:id', () => ({}));
  await app.ready();
  const answered: string[] = [];
  const put = async (id: string): Promise<void> => {
    const { statusCode } = await app.inject({ method: 'PUT', url: `/things/${id}` });
    answered.push(`${id} ${statusCode}`);
  };
  return { writes, answered, put };
}

test('changes that come while one is being written are written together, before their answers', async () => {
  const { writes, answered, put } = await startAudited();
  const first = put('1');
  await expect.poll(() => writes.length).toBe(1);
  const rest = Promise.all(['2', '3', '4'].map(put));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(writes.map(({ subjects }) => subjects)).toEqual([['PUT /things/1']]);
  expect(answered).toEqual([]);
  writes[0]?.end();
  await first;
  await expect.poll(() => writes.length).toBe(2);
  expect(writes[1]?.subjects).toEqual(['PUT /things/2', 'PUT /things/3', 'PUT /things/4']);
  expect(answered).toEqual(['1 200']);
  writes[1]?.end();
  await rest;
  expect(answered).toHaveLength(4);
});

test('a change stands though its entry could not be written, and the next ones are written', async () => {
  const { writes, answered, put } = await startAudited();
  const first = put('1');
  await expect.poll(() => writes.length).toBe(1);
  writes[0]?.end(new Error('Postgres is unavailable.'));
  await first;
  const second = put('2');
  await expect.poll(() => writes.length).toBe(2);
  writes[1]?.end();
  await second;
  expect(answered).toEqual(['1 200', '2 200']);
});
