import type { Pool } from 'pg';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createRefusalLog } from '../../src/access/audit.ts';

interface Written {
  readonly subject: string;
  readonly details: { readonly count: number };
}

test('a stranger with many addresses writes few rows, and every refusal is counted', async () => {
  const written: Written[] = [];
  const query = (_sql: string, [json]: [string]) => {
    written.push(...(JSON.parse(json) as Written[]));
    return Promise.resolve({ rows: [] });
  };
  let nowMs = 0;
  const logger = pino({ level: 'silent' });
  const log = createRefusalLog({ query } as unknown as Pool, logger, () => nowMs);
  const refuse = async (count: number) => {
    written.length = 0;
    for (let index = 0; index < count; index++) {
      const address = `${nowMs}.${index}`;
      log.note({ action: 'denied', actor: null, via: 'api', address, subject: 'GET /pulses' });
    }
    await log.close();
    return written.map(({ subject, details }) => [subject, details.count] as const);
  };
  const one = ['GET /pulses', 1] as const;
  for (let write = 0; write < 5; write++) {
    expect(await refuse(300)).toEqual([
      ...Array.from({ length: 200 }, () => one),
      ['various', 100],
    ]);
  }
  expect(await refuse(300)).toEqual([['various', 300]]);
  nowMs += 3_000;
  expect(await refuse(300)).toEqual([one, one, one, ['various', 297]]);
  nowMs += 86_400_000;
  expect(await refuse(300)).toHaveLength(201);
});
