import { expect, test } from 'vitest';
import { SLOW, useExportsFixture } from './exports-fixture.ts';

const fixture = useExportsFixture();

test('an export that was claimed in the moment of a stop goes back, and that is no failed attempt', async () => {
  const asked = await fixture.ask({ report: 'slow' });
  let answer: () => void = () => undefined;
  const mayAnswer = new Promise<void>((resolve) => {
    answer = resolve;
  });
  // Postgres has given it out, and its answer is on the way.
  const query = async (sql: string, values: unknown[]): Promise<unknown> => {
    const result = await fixture.pool.query(sql, values);
    await mayAnswer;
    return result;
  };
  const pool = new Proxy(fixture.pool, {
    get: (target, name): unknown => (name === 'query' ? query : Reflect.get(target, name)),
  });
  const exporter = fixture.start({ pool, reports: new Map([['slow', SLOW]]) });
  await expect.poll(async () => (await fixture.read(asked.id)).state).toBe('running');
  const closed = exporter.close(10_000);
  answer();
  await closed;
  expect(await fixture.read(asked.id)).toMatchObject({ state: 'queued', attemptCount: 0 });
});
