/** A Redis client whose failures are visible: nothing queues while it is down, nothing is sent twice. */
import { Cluster, Redis } from 'ioredis';
import { FatalError } from '../core/errors.ts';
import { backoffDelayMs, sleep } from './backoff.ts';
import { serverOf, type Logger } from './logger.ts';
import { assertInCluster, createCluster, isClusterUrl, slotOwners } from './redis-cluster.ts';

/** A client of one server, or of all nodes of a cluster. */
export type RedisClient = Redis | Cluster;

export interface RedisOptions {
  /** Shown in CLIENT LIST. */
  readonly name: string;
  readonly logger: Logger;
  readonly commandTimeoutMs?: number;
}

/** How Redis refuses a login; the last is the answer of a server that wants no password. */
const REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR AUTH )/;

const RECONNECT = { baseMs: 50, capMs: 2_000 };

/**
 * Creates a client that connects in the background and reconnects for ever.
 *
 * A command fails at once while the connection is down and when it breaks (`maxRetriesPerRequest` 0,
 * no offline queue): the library's default would send a command again whose first copy may have been
 * applied. Every rejection therefore means "outcome unknown"; callers are idempotent.
 */
export function createRedis(url: string, options: RedisOptions): RedisClient {
  const { name, logger, commandTimeoutMs = 15_000 } = options;
  const settings = {
    // Redis refuses names with spaces.
    connectionName: name.replaceAll(' ', '-'),
    commandTimeout: commandTimeoutMs,
    connectTimeout: 10_000,
  };
  const client = isClusterUrl(url)
    ? createCluster(url, settings)
    : new Redis(url, {
        ...settings,
        lazyConnect: true,
        maxRetriesPerRequest: 0,
        enableOfflineQueue: false,
        retryStrategy: (attempt) => backoffDelayMs(attempt, RECONNECT),
      });
  const report = (error: Error, server = serverOf(url)): void => {
    logger.warn({ err: causeOf(error), server }, 'redis connection failed');
  };
  // Unlistened, ioredis swallows errors and a dead client looks healthy.
  client.on('error', (error: Error) => {
    report(error);
  });
  client.on('node error', report);
  client.connect().catch(() => {
    // Reported by the listeners above; the retry strategy goes on.
  });
  return client;
}

/**
 * Every server that takes writes: the one, or the owners of a cluster's slots.
 *
 * @throws TransientError PULSE_REDIS_UNREACHABLE when one of them is not connected, which the library would
 * silently leave out.
 */
export function mastersOf(client: RedisClient): readonly Redis[] {
  return client instanceof Cluster ? slotOwners(client) : [client];
}

/** Every server that holds the sums, or will after a failover. @throws TransientError as mastersOf. */
export function nodesOf(client: RedisClient): readonly Redis[] {
  return client instanceof Cluster ? [...slotOwners(client), ...client.nodes('slave')] : [client];
}

/** Resolves when every server that takes writes answers, and would take them. */
export async function pingRedis(client: RedisClient): Promise<void> {
  // A cluster's masters are known once one node has answered.
  await client.ping();
  if (client instanceof Cluster) await Promise.all(slotOwners(client).map(assertInCluster));
}

/**
 * Waits until Redis answers, for at most `timeoutMs`.
 *
 * @throws FatalError PULSE_REDIS_UNREACHABLE naming the variable and the server, never the password.
 */
export async function waitForRedis(
  client: RedisClient,
  options: { url: string; timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const deadlineMs = Date.now() + options.timeoutMs;
  // A refused password never comes as the answer to a command: such a client does not become ready.
  let connectionError: Error | undefined;
  const onError = (error: Error): void => {
    connectionError = causeOf(error);
  };
  client.on('error', onError);
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        await pingRedis(client);
        await assertUrlFits(client, options.url);
        return;
      } catch (error) {
        if (error instanceof FatalError) throw error;
        const cause = connectionError ?? error;
        const refusal = refusalOf(cause);
        const late = options.signal?.aborted === true || Date.now() >= deadlineMs;
        if (refusal !== undefined || late) {
          throw new FatalError(
            'PULSE_REDIS_UNREACHABLE',
            `REDIS_URL: Redis at ${serverOf(options.url)} ${refusal ?? 'does not answer'}.`,
            { cause },
          );
        }
      }
      await sleep(backoffDelayMs(attempt, { baseMs: 100, capMs: 1_000 }), options.signal);
    }
  } finally {
    client.off('error', onError);
  }
}

/** Asked for one server, a node of a cluster would answer for its own slots and refuse the others. */
async function assertUrlFits(client: RedisClient, url: string): Promise<void> {
  if (client instanceof Cluster) return;
  // A server that does not tell is taken for what it was said to be.
  const state = await client.info('cluster').catch(() => '');
  if (!state.includes('cluster_enabled:1')) return;
  throw new FatalError(
    'PULSE_REDIS_UNREACHABLE',
    `REDIS_URL: Redis at ${serverOf(url)} is a node of a cluster: write redis+cluster://.`,
  );
}

/** Why the server refuses for good; undefined for anything that waiting may cure. */
function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (REFUSED.test(error.message)) return 'refuses the user name or password';
  if (error.message.includes('cluster support disabled'))
    return 'is no cluster: leave "+cluster" out';
  return undefined;
}

/** A cluster client says "failed", and beside it what the last node that it asked has said. */
function causeOf(error: Error): Error {
  const { lastNodeError } = error as { lastNodeError?: unknown };
  return lastNodeError instanceof Error ? lastNodeError : error;
}
