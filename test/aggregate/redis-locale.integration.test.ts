/** Redis compares texts in functions by the locale of its environment: see `locale-collate` in its configuration. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { RowFilter } from '../../src/aggregate/row-filter.ts';
import { parsedPulse } from '../support/pulses.ts';
import { startPrivateRedis } from '../support/private-redis.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';
import { applyAll, createTestAccumulator, openRedis } from './aggregate-fixture.ts';

const HOUR = 3_600;
const AT = 490_000 * HOUR;

const hex = (code: number, digits: number) => code.toString(16).padStart(digits, '0');

/** As in many real locales, punctuation comes before digits. */
function makeLocale(): Record<string, string> {
  const directory = temporaryDirectory();
  const [source, charmap] = [join(directory, 'source'), join(directory, 'charmap')];
  const digits = Array.from({ length: 10 }, (_, digit) => `<U003${digit}>`);
  const order = ['order_start forward', '<U007E>', ...digits, 'UNDEFINED', 'order_end'];
  writeFileSync(source, ['LC_COLLATE', ...order, 'END LC_COLLATE', ''].join('\n'));
  const ascii = Array.from(
    { length: 128 },
    (_, code) => `<U${hex(code, 4).toUpperCase()}> \\x${hex(code, 2)}`,
  );
  const head = ['<code_set_name> ASCII', '<mb_cur_min> 1', '<mb_cur_max> 1'];
  writeFileSync(charmap, [...head, 'CHARMAP', ...ascii, 'END CHARMAP', ''].join('\n'));
  // It complains of all that the source lacks, and makes the rest.
  const args = ['--no-archive', '--force', '--quiet', '-f', charmap, '-i', source];
  spawnSync('localedef', [...args, join(directory, 'tilde_first')]);
  return { LOCPATH: directory, LC_ALL: 'tilde_first' };
}

test('live sums are found whatever the locale of Redis is', async () => {
  const server = await startPrivateRedis({}, makeLocale());
  const redis = await openRedis(server.url);
  onTestFinished(async () => {
    redis.disconnect();
    await server.close();
  });
  // The locale is in use.
  expect(await redis.eval(`return tostring('2' < '~')`, 0)).toBe('false');
  const accumulator = createTestAccumulator(redis);
  await applyAll(
    { accumulator, redis },
    [AT, AT + HOUR, AT + 2 * HOUR].map((windowStartSec) => parsedPulse({ windowStartSec })),
  );
  const { live } = await accumulator.readBooks(0);
  const windowsOf = async (filter: RowFilter) => {
    const batch = { shard: 0, batchId: live!.batchId };
    const found = await accumulator.readMatching(batch, { cursor: undefined, filter });
    return found?.rows.map(({ windowStartSec }) => windowStartSec).sort();
  };
  expect(await windowsOf({})).toEqual([AT, AT + HOUR, AT + 2 * HOUR]);
  expect(await windowsOf({ fromSec: AT + HOUR })).toEqual([AT + HOUR, AT + 2 * HOUR]);
  expect(await windowsOf({ toSec: AT + HOUR })).toEqual([AT]);
  expect(await windowsOf({ fromSec: AT + HOUR, toSec: AT + 2 * HOUR })).toEqual([AT + HOUR]);
});
