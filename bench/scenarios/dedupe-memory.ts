import { randomBytes } from 'node:crypto';
import type { RedisClient } from '../../src/platform/redis.ts';
import { createInstallation, type Installation } from '../installation.ts';
import type { Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { seedSums } from '../seed-sums.ts';
import { verifyBalance } from '../verify-sums.ts';

const ID_BYTES = 16;
const IDS_PER_CALL = 5_000;
const PROBE_COUNT = 10_000;

/** The memory that limits how long ids can be remembered. Uses only the accumulator, without a broker. */
export const dedupeMemory: Scenario = {
  name: 'dedupe-memory',
  measured: 'Redis memory per remembered id',
  against: 'one SET of 16-byte ids',
  unit: 'bytes/id',
  judgement: 'value at most',
  mustReach: 20,
  aim: 14,
  open: (context): Promise<OpenedScenario> => {
    const idCount = context.quick ? 200_000 : 2_000_000;
    let installation: Installation | undefined;
    let wanted = idCount;
    const forget = async (): Promise<void> => {
      await installation?.close();
      installation = undefined;
    };
    return Promise.resolve({
      async prepare(warmUp) {
        wanted = warmUp ? PROBE_COUNT : idCount;
        await forget();
        installation = await createInstallation(context);
      },
      async product(): Promise<Measured> {
        if (installation === undefined) throw new Error('Nothing is prepared.');
        return await measureProduct(installation, wanted, Date.parse(context.timestamp));
      },
      async reference(): Promise<Measured> {
        if (installation === undefined) throw new Error('Nothing is prepared.');
        return await measureSet(installation.redis, wanted);
      },
      // Each round was checked in itself, and its installation is gone.
      verify: () => Promise.resolve(),
      close: forget,
    });
  },
};

async function measureProduct(
  installation: Installation,
  pulseCount: number,
  timeMs: number,
): Promise<Measured> {
  const { redis } = installation;
  const seed = { keyCount: 1, timeMs, idPrefix: randomBytes(8).toString('hex') };
  // The library and the first key must exist before the first measurement.
  await seedSums(installation, { keyCount: 1, timeMs });
  const before = await usedMemory(redis);
  const startedMs = performance.now();
  const { counted } = await seedSums(installation, { ...seed, pulseCount });
  const seconds = (performance.now() - startedMs) / 1000;
  const bytes = (await usedMemory(redis)) - before;
  const again = await seedSums(installation, { ...seed, pulseCount: PROBE_COUNT });
  if (counted !== pulseCount || again.duplicates !== PROBE_COUNT) {
    throw new Error(
      `${counted} of ${pulseCount} ids were new, ${again.duplicates} were recognised on the second pass.`,
    );
  }
  // Those of the second pass.
  await verifyBalance(installation, pulseCount + 1, { duplicatesAllowed: true });
  return { value: bytes / pulseCount, details: { seconds, ids_per_second: pulseCount / seconds } };
}

async function measureSet(redis: RedisClient, idCount: number): Promise<Measured> {
  const key = 'bench:plain-set';
  const before = await usedMemory(redis);
  for (let from = 0; from < idCount; from += IDS_PER_CALL) {
    const count = Math.min(IDS_PER_CALL, idCount - from);
    const random = randomBytes(count * ID_BYTES);
    const ids = Array.from({ length: count }, (_, index) =>
      random.subarray(index * ID_BYTES, (index + 1) * ID_BYTES),
    );
    await redis.sadd(key, ...ids);
  }
  const bytes = (await usedMemory(redis)) - before;
  const held = await redis.scard(key);
  if (held !== idCount) throw new Error(`The plain set holds ${held} of ${idCount} ids.`);
  // Not UNLINK, whose memory is freed later: in the next measurement, if that of Pulse follows.
  await redis.del(key);
  return { value: bytes / idCount };
}

/** All memory allocated by Redis, except the buffers of clients and of the append-only file, which vary. */
async function usedMemory(redis: RedisClient): Promise<number> {
  const text = await redis.info('memory');
  const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return read('used_memory') - read('mem_clients_normal') - read('mem_aof_buffer');
}
