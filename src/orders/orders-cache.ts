/**
 * Orders in Redis, by id and version. Every change raises the version, which is read from Postgres first,
 * so nobody reads a state that is older than a change they have seen. Redis may be unavailable, or lose
 * everything: then orders come from Postgres.
 */
import { withTimeout } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import type { RedisClient } from '../platform/redis.ts';

export interface OrdersCache {
  /** The answer as JSON text; undefined when it is not there or Redis is unavailable. */
  get(id: string, version: number): Promise<string | undefined>;
  /** Returns at once. When much was put in lately, it does nothing. */
  put(id: string, version: number, answer: string): void;
}

const KEPT_SECONDS = 300;
/**
 * What a process puts in so long, so that it never has more than twice that in Redis: its memory is for counting, and
 * whoever has many orders can read them all.
 */
const BYTES_MAX = 32 * 1024 * 1024;
/** Of an entry, besides the answer. */
const ENTRY_BYTES = 256;
/** A Redis that answers later than this is slower than Postgres. */
const READ_WITHIN_MS = 100;
/** After a failure Redis is left alone for a moment: each request would wait for it. */
const PAUSE_MS = 1_000;

export function createOrdersCache(
  redis: Pick<RedisClient, 'get' | 'set'>,
  logger: Logger,
  bytesMax = BYTES_MAX,
): OrdersCache {
  let pausedUntilMs = 0;
  let span = { endMs: 0, bytes: 0 };
  const hasRoomFor = (answer: string): boolean => {
    const nowMs = performance.now();
    if (nowMs >= span.endMs) span = { endMs: nowMs + KEPT_SECONDS * 1_000, bytes: 0 };
    const bytes = span.bytes + ENTRY_BYTES + Buffer.byteLength(answer);
    if (bytes > bytesMax) return false;
    span.bytes = bytes;
    return true;
  };
  const keyOf = (id: string, version: number): string => `pulse:order:${id}:${version}`;
  const fail = (error: unknown): void => {
    if (performance.now() > pausedUntilMs) logger.debug({ err: error }, 'orders cache unavailable');
    pausedUntilMs = performance.now() + PAUSE_MS;
  };
  return {
    async get(id, version) {
      if (performance.now() < pausedUntilMs) return undefined;
      try {
        return (await withTimeout(READ_WITHIN_MS, redis.get(keyOf(id, version)))) ?? undefined;
      } catch (error) {
        fail(error);
        return undefined;
      }
    },
    put(id, version, answer) {
      if (performance.now() < pausedUntilMs || !hasRoomFor(answer)) return;
      redis.set(keyOf(id, version), answer, 'EX', KEPT_SECONDS).catch(fail);
    },
  };
}
