/** Faults of aggregators: their deaths, their leases, the replies that they wait for, and a full journal. */
import type { Redis } from 'ioredis';
import { AGGREGATE_STEPS } from '../../src/aggregate/aggregate-steps.ts';
import { JOURNAL_BYTES_MAX } from '../../src/aggregate/accumulator.ts';
import { shardKeys, type ShardKeys } from '../../src/aggregate/keys.ts';
import { sleep } from '../../src/platform/backoff.ts';
import { until } from '../support/until.ts';
import { between, type Fault, type Scene } from './fault.ts';
import { isSuspended } from './pulse-child.ts';
import { withRedis } from './test-servers.ts';

const REACHED_TIMEOUT_MS = 30_000;
/** How long another worker may hold all the leases before it is killed. Traffic lasts a few seconds. */
const TURN_MS = 1_000;
/** Longer than a lease, so that another aggregator has folded meanwhile. */
const LEASE_OVER_MS = 5_000;

/** A crash between every pair of numbered steps of the fold, each as a separate fault. */
export const AGGREGATOR_CRASH_FAULTS: readonly Fault[] = [
  ...AGGREGATE_STEPS.map((step): Fault => ({
    name: `crash-aggregate-${step}`,
    about: `SIGKILL of a worker right after its aggregator has ${step}`,
    firstEnv: (random) => ({ PULSE_CRASH_AT: `aggregate:${step}:${between(1, 3, random)}` }),
    atOnce: true,
    async inject(scene) {
      await untilReached(scene, () => scene.seat.worker.ends.includes('SIGKILL'));
      return undefined;
    },
  })),
  ...AGGREGATE_STEPS.map((step): Fault => ({
    name: `zombie-aggregate-${step}`,
    about: `an aggregator that has ${step} is suspended, another takes its lease, then it wakes up`,
    workers: 2,
    firstEnv: (random) => ({ PULSE_CRASH_AT: `aggregate:${step}:${between(1, 3, random)}:stop` }),
    atOnce: true,
    async inject(scene) {
      const { child } = scene.seat.worker;
      await untilReached(scene, () => isSuspended(child.pid));
      // What it had taken goes to the other worker, and is appended a second time.
      if (scene.random.below(2) === 0) scene.seat.proxies.rabbitmq.reset();
      await sleep(Math.max(scene.stopMs, LEASE_OVER_MS));
      child.signal('SIGCONT');
      return undefined;
    },
  })),
];

/** Waits; kills the other workers from time to time, because one of them may hold all the leases. */
async function untilReached({ seats, seat }: Scene, isReached: () => boolean): Promise<void> {
  const startedMs = performance.now();
  let turns = 0;
  await until('the step of the aggregator', REACHED_TIMEOUT_MS, () => {
    if (isReached()) return true;
    // Its lease lasts for three seconds more.
    if (performance.now() - startedMs > TURN_MS + turns * LEASE_OVER_MS) {
      turns += 1;
      for (const other of seats) if (other !== seat) other.worker.kill();
    }
    return false;
  });
}

export const AGGREGATOR_FAULTS: readonly Fault[] = [
  {
    name: 'lease-lost',
    about: 'the leases vanish again and again, so that two aggregators work at once',
    workers: 2,
    async inject(scene) {
      for (let time = 0; time < 12; time++) {
        await onShards(scene, (redis, { lease }) => redis.del(lease)).catch(() => undefined);
        await sleep(between(50, 500, scene.random));
      }
      return undefined;
    },
  },
  {
    name: 'lease-over-in-commit',
    about: 'a commit reaches Redis after its lease has ended and another aggregator has folded',
    workers: 2,
    inject: delayCommit,
  },
  {
    name: 'journal-full',
    about: 'nothing folds, and the journal has as many bytes as it may; later it has room again',
    inject: fillJournal,
  },
];

async function delayCommit({ seats, random }: Scene): Promise<string> {
  const wanted = between(1, 2, random);
  let times = 0;
  for (const { proxies } of seats) {
    const { redis } = proxies;
    redis.watch((direction, chunk) => {
      if (times === wanted || direction !== 'request' || !chunk.includes('pulse_commit'))
        return true;
      times += 1;
      // This chunk waits, and what follows it on this connection.
      redis.delay(LEASE_OVER_MS);
      setImmediate(() => {
        redis.delay(0);
      });
      return true;
    });
  }
  try {
    await until('a commit', REACHED_TIMEOUT_MS, () => times > 0);
    await sleep(LEASE_OVER_MS + 500);
  } finally {
    for (const { proxies } of seats) proxies.redis.watch(undefined);
  }
  return `${times} times`;
}

/** What the journal may still take: a few batches. */
const ROOM_BYTES = 8_192;
const NOBODY = 'nobody';

async function fillJournal(scene: Scene): Promise<string> {
  const filler = JOURNAL_BYTES_MAX - ROOM_BYTES;
  const refusals = () => withRedis(scene.installation.urls.redis, readRefusals);
  const before = await refusals();
  const filled: ShardKeys[] = [];
  try {
    await onShards(scene, async (redis, keys) => {
      await addBytes(redis, keys, filler);
      filled.push(keys);
    });
    await until('a full journal', REACHED_TIMEOUT_MS, async () => {
      await onShards(scene, (redis, { lease }) =>
        untilThereIsMemory(() => redis.set(lease, NOBODY, 'PX', 2_000)),
      );
      return (await refusals()) > before;
    });
    await sleep(between(200, 1_500, scene.random));
    return `${(await refusals()) - before} refusals`;
  } finally {
    await withRedis(scene.installation.urls.redis, async (redis) => {
      for (const keys of filled) await addBytes(redis, keys, -filler);
    });
  }
}

const addBytes = (redis: Redis, { books }: ShardKeys, bytes: number) =>
  untilThereIsMemory(() => redis.hincrby(books, 'journal_bytes', bytes));

/** Repeats a command: another fault may have filled Redis. */
async function untilThereIsMemory(command: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await command();
      return;
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('OOM')) throw error;
    }
    await sleep(100);
  }
}

type OnShard = (redis: Redis, keys: ShardKeys) => Promise<unknown>;

async function onShards({ installation, shards }: Scene, work: OnShard): Promise<void> {
  await withRedis(installation.urls.redis, async (redis) => {
    for (let shard = 0; shard < shards; shard++) await work(redis, shardKeys(shard));
  });
}

/** How often Redis has refused an entry because the journal was full, of all installations. */
async function readRefusals(redis: Redis): Promise<number> {
  const [, count = '0'] =
    /^errorstat_PULSEJOURNAL:count=(\d+)/m.exec(await redis.info('errorstats')) ?? [];
  return Number(count);
}
