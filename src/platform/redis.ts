/** A Redis client whose failures are visible: nothing queues while it is down, nothing is sent twice. */
import { Redis } from 'ioredis';
import { FatalError } from '../core/errors.ts';
import { backoffDelayMs, sleep } from './backoff.ts';
import { serverOf, type Logger } from './logger.ts';

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
export function createRedis(url: string, options: RedisOptions): Redis {
  const { name, logger, commandTimeoutMs = 15_000 } = options;
  const client = new Redis(url, {
    // Redis refuses names with spaces.
    connectionName: name.replaceAll(' ', '-'),
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: commandTimeoutMs,
    connectTimeout: 10_000,
    retryStrategy: (attempt) => backoffDelayMs(attempt, RECONNECT),
  });
  // Unlistened, ioredis swallows errors and a dead client looks healthy.
  client.on('error', (error: Error) => {
    logger.warn({ err: error, server: serverOf(url) }, 'redis connection failed');
  });
  client.connect().catch(() => {
    // Reported by the listener above; the retry strategy goes on.
  });
  return client;
}

/**
 * Waits until Redis answers, for at most `timeoutMs`.
 *
 * @throws FatalError PULSE_REDIS_UNREACHABLE naming the variable and the server, never the password.
 */
export async function waitForRedis(
  client: Redis,
  options: { url: string; timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const deadlineMs = Date.now() + options.timeoutMs;
  // A refused password never comes as the answer to a command: such a client does not become ready.
  let connectionError: Error | undefined;
  const onError = (error: Error): void => {
    connectionError = error;
  };
  client.on('error', onError);
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        await client.ping();
        return;
      } catch (error) {
        const cause = connectionError ?? error;
        const refused = cause instanceof Error && REFUSED.test(cause.message);
        if (refused || options.signal?.aborted === true || Date.now() >= deadlineMs) {
          throw new FatalError(
            'PULSE_REDIS_UNREACHABLE',
            `REDIS_URL: Redis at ${serverOf(options.url)} ${refused ? 'refuses the user name or password' : 'does not answer'}.`,
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
