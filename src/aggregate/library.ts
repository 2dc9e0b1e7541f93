/** Loads the Redis Functions, and ensures that Redis has exactly the version that this build uses. */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { FatalError, TransientError } from '../core/errors.ts';
import { isRedisDown, mastersOf, withForbidden, type RedisClient } from '../platform/redis.ts';

/** The version of the contract in functions/library.lua; sent with every call. */
export const LIBRARY_VERSION = '2';
const LIBRARY_NAME = 'pulse';
const PARTS = ['library', 'read', 'seal', 'match', 'lease', 'seen', 'journal'] as const;

/** The library's source as one text. */
export function libraryCode(): string {
  return PARTS.map((part) =>
    readFileSync(new URL(`./functions/${part}.lua`, import.meta.url), 'utf8'),
  ).join('');
}

/**
 * Loads the library into every master that does not have the same text. Redis keeps it in the AOF and replicates it.
 *
 * @throws FatalError PULSE_REDIS_LIBRARY when Redis has a newer version: replacing it would break the workers that use
 * it, PULSE_REDIS_FORBIDDEN.
 * @throws TransientError PULSE_REDIS_UNREACHABLE
 */
export async function ensureLibrary(redis: RedisClient): Promise<void> {
  await Promise.all(mastersOf(redis).map(ensureLibraryOn));
}

/** Refuses a newer library as ensureLibrary would, and loads nothing. @throws FatalError PULSE_REDIS_LIBRARY */
export async function assertLibraryFits(redis: RedisClient): Promise<void> {
  for (const version of await Promise.all(mastersOf(redis).map(libraryVersionIn))) {
    assertNotNewer(version);
  }
}

async function ensureLibraryOn(redis: Redis): Promise<void> {
  const code = libraryCode();
  const present = await readLibraryCode(redis);
  if (present === code) return;
  assertNotNewer(versionOf(present));
  await callFunction(redis, 'LOAD', 'REPLACE', code);
}

function assertNotNewer(version: string | undefined): void {
  if (Number(version ?? 0) > Number(LIBRARY_VERSION)) {
    throw new FatalError(
      'PULSE_REDIS_LIBRARY',
      `Redis has version ${version ?? ''} of Pulse's functions, this build uses version ` +
        `${LIBRARY_VERSION}. Upgrade this process; it must not replace a newer library.`,
    );
  }
}

/** The version of the library in Redis; undefined when there is none. */
export async function libraryVersionIn(redis: Redis): Promise<string | undefined> {
  return versionOf(await readLibraryCode(redis));
}

function versionOf(code: string | undefined): string | undefined {
  return /^local VERSION = '(\d+)'$/m.exec(code ?? '')?.[1];
}

async function readLibraryCode(redis: Redis): Promise<string | undefined> {
  const reply = await callFunction(redis, 'LIST', 'LIBRARYNAME', LIBRARY_NAME, 'WITHCODE');
  const library: unknown = (reply as unknown[])[0];
  if (!Array.isArray(library)) return undefined;
  const pairs = library as unknown[];
  return pairs[pairs.indexOf('library_code') + 1] as string;
}

async function callFunction(redis: Redis, ...args: string[]): Promise<unknown> {
  try {
    return await redis.call('FUNCTION', ...args);
  } catch (error) {
    if (!isRedisDown(error)) throw withForbidden(error);
    throw new TransientError('PULSE_REDIS_UNREACHABLE', 'Redis did not answer.', { cause: error });
  }
}
