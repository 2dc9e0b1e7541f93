/** Faults of the three servers. */
import type { Redis } from 'ioredis';
import { areQueuesNamed } from '../support/quorum-names.ts';
import { between, type Fault, type Scene } from './fault.ts';
import { NotReachedError, until } from '../support/until.ts';
import { withRedis, type ServerName } from './test-servers.ts';

const SERVERS: readonly ServerName[] = ['rabbitmq', 'redis', 'postgres'];

export const SERVER_FAULTS: readonly Fault[] = [
  ...SERVERS.map((name): Fault => ({
    name: `${name}-kill`,
    about: `SIGKILL of ${name} with all its processes, and a restart`,
    async inject({ servers, installation, random }) {
      if (name === 'rabbitmq') {
        await until('the names of the queues', 10_000, () =>
          Promise.resolve(areQueuesNamed(servers.directory, installation.queue)),
        );
      }
      await servers.bounce(name, between(0, 1_500, random));
      return undefined;
    },
  })),
  ...SERVERS.map((name): Fault => ({
    name: `${name}-freeze`,
    about: `SIGSTOP of ${name}, SIGCONT later`,
    async inject({ servers, stopMs }) {
      await servers.freeze(name, stopMs);
      return undefined;
    },
  })),
  {
    name: 'postgres-terminate-copy',
    about: 'pg_terminate_backend in the middle of a COPY',
    async inject(scene) {
      const terminated = await duringCopy(scene, (pid) =>
        scene.admin.query('SELECT pg_terminate_backend($1)', [pid]),
      );
      if (terminated === 0) throw new NotReachedError('not reached: no COPY was seen');
      return `${terminated} times`;
    },
  },
  {
    name: 'redis-full',
    about: 'Redis at maxmemory with noeviction',
    inject: ({ installation, random }) =>
      withRedis(installation.urls.redis, (redis) =>
        fillRedis(redis, {
          belowBytes: between(0, 100_000, random),
          fullMs: between(1_000, 3_000, random),
        }),
      ),
  },
];

/**
 * Redis counts the calls that it refuses. Worker logs would not do: workers retry a refused batch silently and log
 * only a refused flush, which may not happen in such a short time.
 */
async function fillRedis(
  redis: Redis,
  { belowBytes, fullMs }: { belowBytes: number; fullMs: number },
): Promise<string> {
  const untilMs = performance.now() + fullMs;
  let limitBytes = Infinity;
  let refusedCount = 0;
  await redis.config('RESETSTAT');
  try {
    await until('a call that Redis refuses', fullMs + 10_000, async () => {
      const usedBytes = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
      // Follows the used memory down: the first figure may include buffers that are freed at once and leave room.
      limitBytes = Math.min(limitBytes, usedBytes - belowBytes);
      await redis.config('SET', 'maxmemory', String(limitBytes));
      const refused = /errorstat_OOM:count=(\d+)/.exec(await redis.info('errorstats'));
      refusedCount = Number(refused?.[1] ?? 0);
      return refusedCount > 0 && performance.now() > untilMs;
    });
  } finally {
    await redis.config('SET', 'maxmemory', '0');
  }
  return `${refusedCount} calls refused`;
}

/** Delays the client in the middle of its COPY, and passes each such backend to `act`. */
async function duringCopy(scene: Scene, act: (pid: number) => Promise<unknown>): Promise<number> {
  for (const { proxies } of scene.seats) {
    proxies.postgres.watch((direction, chunk, line) => {
      if (direction === 'request' && chunk.includes('COPY pulses')) line.hold(700);
      return true;
    });
  }
  const hit = new Set<number>();
  try {
    await until('a COPY', 15_000, async () => {
      const { rows } = await scene.admin.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY pulses%'
           AND state = 'active'`,
      );
      for (const { pid } of rows) {
        await act(pid);
        hit.add(pid);
      }
      return hit.size >= 2;
    }).catch((error: unknown) => {
      if (!(error instanceof NotReachedError)) throw error;
    });
  } finally {
    for (const { proxies } of scene.seats) proxies.postgres.watch(undefined);
  }
  return hit.size;
}
