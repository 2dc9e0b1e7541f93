/** Checks that the measured work was correct: after a flush, every sum in Postgres is what was sent. */
import { flushAll } from '../src/flush/flush.ts';
import { verifyBooks } from '../src/flush/books.ts';
import type { Installation } from './installation.ts';
import type { BenchContext } from './scenario.ts';
import { keyNames, type ExpectedSums } from './traffic.ts';

/** What else the books may hold. */
export interface BalanceOptions {
  /** Pulses came twice, and were counted once. */
  readonly duplicatesAllowed?: boolean;
}

/**
 * Flushes, and compares every key's sum and count.
 *
 * @throws Error naming the first difference, or saying that the books do not balance.
 */
export async function verifySums(
  { logger }: BenchContext,
  { accumulator, pool }: Installation,
  expected: ExpectedSums,
  options: BalanceOptions = {},
): Promise<void> {
  await flushAll({ accumulator, pool, logger });
  const { rows } = await pool.query<{ key: string; milli: string; count: string }>(
    `SELECT concat_ws('|', tenant, product_sku, use_unity) AS key,
            trim_scale(sum(used_amount) * 1000)::text AS milli, sum(pulse_count)::text AS count
     FROM pulses GROUP BY tenant, product_sku, use_unity`,
  );
  const found = new Map(rows.map((row) => [row.key, row]));
  let pulseCount = 0;
  let keyCount = 0;
  for (const [keyIndex, count] of expected.pulseCount.entries()) {
    if (count === 0) continue;
    pulseCount += count;
    keyCount += 1;
    const { tenant, sku, unit } = keyNames(keyIndex);
    const key = `${tenant}|${sku}|${unit}`;
    const row = found.get(key);
    if (row?.count !== String(count) || row.milli !== String(expected.milli[keyIndex])) {
      throw new Error(
        `Postgres has ${JSON.stringify(row)} for ${key}, which is not what was sent.`,
      );
    }
  }
  if (found.size !== keyCount) {
    throw new Error(`Postgres has ${found.size} keys, ${keyCount} were sent.`);
  }
  await verifyBalance({ accumulator, pool }, pulseCount, options);
}

/** @throws Error unless exactly `pulseCount` pulses were counted, no others came, and the books balance. */
export async function verifyBalance(
  { accumulator, pool }: Pick<Installation, 'accumulator' | 'pool'>,
  pulseCount: number,
  { duplicatesAllowed = false }: BalanceOptions = {},
): Promise<void> {
  const books = await verifyBooks({ accumulator, pool });
  const right =
    books.balanced &&
    books.counted === BigInt(pulseCount) &&
    (duplicatesAllowed || books.duplicates === 0n) &&
    books.deadLetters === 0n;
  if (right) return;
  const { counted, duplicates, deadLetters, drift } = books;
  throw new Error(
    `${pulseCount} pulses were sent; the books have ${counted} counted, ${duplicates} duplicates, ` +
      `${deadLetters} dead letters, drift ${drift}.`,
  );
}
