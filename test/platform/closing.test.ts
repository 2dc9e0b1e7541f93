import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createCloser } from '../../src/platform/closing.ts';

const silent = pino({ level: 'silent' });

function warnings() {
  const lines: Record<string, unknown>[] = [];
  const logger = pino(
    { level: 'warn' },
    {
      write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    },
  );
  return { logger, lines };
}

test('closes in reverse order, once, and continues after a failure', async () => {
  const { logger, lines } = warnings();
  const closer = createCloser(logger, { withinMs: 10_000 });
  const closed: string[] = [];
  closer.add('first', () => void closed.push('first'));
  closer.add('second', () => {
    closed.push('second');
    throw new Error('stuck');
  });
  closer.add('third', async () => {
    await Promise.resolve();
    closed.push('third');
  });
  await Promise.all([closer.close(), closer.close()]);
  expect(closed).toEqual(['third', 'second', 'first']);
  expect(lines.map(({ part }) => part)).toEqual(['second']);
});

test('a part that hangs is skipped, and the others still close', async () => {
  const { logger, lines } = warnings();
  const closer = createCloser(logger, { withinMs: 20 });
  let firstClosed = false;
  closer.add('first', () => {
    firstClosed = true;
  });
  closer.add('hanging', () => new Promise(() => undefined));
  await closer.close();
  expect(firstClosed).toBe(true);
  expect(lines).toMatchObject([{ part: 'hanging', msg: 'could not close in time' }]);
});

test('a part gets its share of the remaining time', async () => {
  const closer = createCloser(silent, { withinMs: 60_000 });
  const told: number[] = [];
  closer.add('all of it', (withinMs) => void told.push(withinMs));
  closer.add('half of it', (withinMs) => void told.push(withinMs), 0.5);
  await closer.close();
  const [half = 0, all = 0] = told;
  expect(half).toBeLessThanOrEqual(30_000);
  expect(half).toBeGreaterThan(15_000);
  expect(all).toBeGreaterThan(half);
});
