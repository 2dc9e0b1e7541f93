import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { insertVersion, lockEventType } from '../../src/events/events-query.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { useEventsFixture } from './events-fixture.ts';

const fixture = useEventsFixture();

test('a type that is made between the lock and the reading does not count as locked', async () => {
  const name = `late-${randomUUID()}`;
  const version = { name, version: 1, schema: {}, description: null, isBreaking: false };
  const found = await withTransaction(fixture.pool, (client) => {
    const late = async (...given: Parameters<Pool['query']>) => {
      const result = await (client.query.bind(client) as (...all: unknown[]) => Promise<unknown>)(
        ...given,
      );
      await insertVersion(fixture.pool, { ...version, createdBy: 'test' });
      return result;
    };
    return lockEventType({ query: late } as unknown as Pick<Pool, 'query'>, name);
  });
  expect(found).toBeUndefined();
});
