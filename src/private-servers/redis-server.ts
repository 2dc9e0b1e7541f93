/** A private Redis that never loses acknowledged writes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Server } from './process-spec.ts';

export interface RedisServerOptions {
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  /** The absolute path of `redis-server`. */
  readonly program: string;
  readonly path: string;
}

/** The settings that Pulse relies on, for a program and for a container. */
export const REDIS_SETTINGS: Readonly<Record<string, string>> = {
  appendonly: 'yes',
  // Redis answers only after the write is on disk, so acknowledged pulses survive a crash.
  appendfsync: 'always',
  // Eviction would silently drop sums.
  'maxmemory-policy': 'noeviction',
  save: '""',
  // Each test file uses a separate database.
  databases: '1000',
};

/** Writes the configuration into `directory` and describes the server. */
export function createRedisServer(options: RedisServerOptions): Server {
  const { directory, port, password, program, path } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const configFile = join(directory, 'redis.conf');
  const settings: Record<string, string> = {
    ...REDIS_SETTINGS,
    bind: '127.0.0.1',
    'protected-mode': 'yes',
    port: String(port),
    dir: quote(directory),
    // In a file, because every user can read the arguments of a process.
    requirepass: password,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(configFile, lines.join(''), { mode: 0o600 });
  const url = redisUrl(port, password);
  return {
    name: 'redis',
    url,
    processes: [
      {
        name: 'redis',
        command: program,
        args: [configFile],
        env: { PATH: path, LANG: 'C.UTF-8' },
        cwd: directory,
        logFile: join(directory, 'redis.log'),
        stopSignal: 'SIGTERM',
        quickStopSignal: 'SIGKILL',
      },
    ],
    probe: () => probeRedis(url),
  };
}

export function redisUrl(port: number, password: string): string {
  return `redis://:${password}@127.0.0.1:${port}`;
}

/** Sends an authenticated PING, which fails while Redis is still loading its files. */
export async function probeRedis(url: string): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
  });
  // The calls below reject with the same error.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
}

/** Quotes a path for the configuration file. */
function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
