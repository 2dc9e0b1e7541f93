import { describe, expect, test } from 'vitest';
import { verifyBooks } from '../../src/flush/books.ts';
import { flushAll, type FlushDeps } from '../../src/flush/flush.ts';
import { FLUSH_STEPS } from '../../src/flush/flush-steps.ts';
import { useFlushFixture, dyingAfter, expectExact, SHARDS, somePulses } from './flush-fixture.ts';
import { fromChunk, toChunk } from '../support/sum-texts.ts';

const fixture = useFlushFixture();

describe('a crash of a flush', () => {
  test.each(FLUSH_STEPS)(
    'by an exception after "%s" loses nothing and counts nothing twice',
    async (step) => {
      const pulses = somePulses(500);
      await fixture.count(pulses);
      const dying = dyingAfter(fixture, step, () => {
        throw new Error('killed');
      });
      await expect(flushAll(dying)).rejects.toThrow('killed');
      const books = await verifyBooks(fixture);
      expect(books).toMatchObject({ balanced: true, counted: 500n });
      await flushAll(fixture);
      await expectExact(fixture, pulses);
    },
  );

  test.each(['recorded', 'copied', 'checked'] as const)(
    'by a lost connection after "%s" is retried and exact',
    async (step) => {
      const pulses = somePulses(500);
      await fixture.count(pulses);
      await flushAll(dyingAfter(fixture, step, terminateFlushers));
      await expectExact(fixture, pulses);
    },
  );

  test('by a lost connection in the middle of COPY is retried and exact', async () => {
    const pulses = somePulses(500);
    await fixture.count(pulses);
    let scans = 0;
    const deps: FlushDeps = {
      ...fixture,
      accumulator: {
        ...fixture.accumulator,
        async *readSums(batch) {
          scans += 1;
          const dies = scans === 1;
          for await (const chunk of fixture.accumulator.readSums(batch)) {
            const texts = fromChunk(chunk);
            yield toChunk(texts.slice(0, 10));
            if (dies) await terminateFlushers();
            yield toChunk(texts.slice(10));
          }
        },
      },
    };
    await flushAll(deps);
    expect(scans).toBe(SHARDS + 1);
    await expectExact(fixture, pulses);
  });

  test('after COMMIT, whose reply is lost, finds its own entry in the ledger', async () => {
    const pulses = somePulses(500);
    await fixture.count(pulses);
    await flushAll({ ...fixture, pool: losingFirstCommitAnswer() });
    await expectExact(fixture, pulses);
  });

  test('leaves a batch to the next flush, which writes it before it seals another', async () => {
    const [first, second] = [somePulses(300, 'a'), somePulses(300, 'b')];
    await fixture.count(first);
    const dying = dyingAfter(fixture, 'sealed', () => {
      throw new Error('killed');
    });
    await expect(flushAll(dying)).rejects.toThrow('killed');
    await fixture.count(second);
    const order: string[] = [];
    const report = await flushAll({
      ...fixture,
      onStep: (step, { shard }) => void order.push(`${shard} ${step}`),
    });
    expect(report.leftoverCount).toBe(1);
    expect(order.find((line) => line.startsWith('0'))).toBe('0 recorded');
    await expectExact(fixture, [...first, ...second]);
  });
});

/** Kills every other session of the database that is inside a transaction. */
async function terminateFlushers(): Promise<void> {
  await fixture.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`,
  );
}

/** A pool that commits the first batch and then behaves as if the connection broke. */
function losingFirstCommitAnswer(): FlushDeps['pool'] {
  let armed = false;
  let lost = false;
  const connect = async () => {
    const client = await fixture.pool.connect();
    return new Proxy(client, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== 'query')
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        return (...args: unknown[]) => {
          const result = (value as (...args: unknown[]) => unknown).apply(target, args);
          if (String(args[0]).includes('INSERT INTO flush_batches')) armed = true;
          if (!armed || lost || args[0] !== 'COMMIT') return result;
          lost = true;
          return (result as Promise<unknown>).then(() => {
            throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
          });
        };
      },
    });
  };
  return Object.assign(Object.create(fixture.pool) as FlushDeps['pool'], { connect });
}
