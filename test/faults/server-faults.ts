/** Faults of the three servers. */
import { sleep } from '../../src/platform/backoff.ts';
import { areQueuesNamed } from '../support/quorum-names.ts';
import { between, NotReachedError, until, type Fault, type Scene } from './fault.ts';
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
    async inject({ installation, random, seat }) {
      await withRedis(installation.urls.redis, async (redis) => {
        const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
        await redis.config('SET', 'maxmemory', String(used - between(0, 100_000, random)));
        try {
          await sleep(between(1_000, 3_000, random));
        } finally {
          await redis.config('SET', 'maxmemory', '0');
        }
      });
      if (!seat.worker.output.includes('OOM')) throw new NotReachedError('not reached: no OOM');
      return undefined;
    },
  },
];

/** Holds the client in the middle of its COPY, and hands each such backend to `act`. */
async function duringCopy(scene: Scene, act: (pid: number) => Promise<unknown>): Promise<number> {
  for (const { cables } of scene.seats) {
    cables.postgres.watch((direction, chunk, line) => {
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
    for (const { cables } of scene.seats) cables.postgres.watch(undefined);
  }
  return hit.size;
}
