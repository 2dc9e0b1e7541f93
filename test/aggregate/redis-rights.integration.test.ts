/** What is said to a user of Redis who lacks a command, or when the server lacks it. */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { assertLibraryFits, ensureLibrary } from '../../src/aggregate/library.ts';
import { assertRedisIsSafe } from '../../src/aggregate/redis-durability.ts';
import { checkRedis } from '../../src/doctor/check-redis.ts';
import { waitForRedis } from '../../src/platform/redis.ts';
import { startPrivateRedis } from '../support/private-redis.ts';

/** The line that docs/operations.md tells to write, behind the password. */
const DOCUMENTED = /^user pulse on >\S+ (.*)$/m.exec(
  readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8'),
)?.[1];

/** A connection of a user with these rights. */
async function connectAs(rights: string, settings: Readonly<Record<string, string>> = {}) {
  // The library warns of a user without INFO on the console.
  vi.spyOn(console, 'warn').mockReturnValue();
  const server = await startPrivateRedis(settings);
  const admin = new Redis(server.url);
  await admin.call('ACL', 'SETUSER', 'pulse', 'on', '>secret', ...rights.split(' '));
  admin.disconnect();
  const url = server.url.replace('//', '//pulse:secret@');
  const redis = new Redis(url, { maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  onTestFinished(async () => {
    redis.disconnect();
    await server.close();
    vi.restoreAllMocks();
  });
  const wait = () =>
    waitForRedis(redis, { url, timeoutMs: 20_000, logger: pino({ level: 'silent' }) });
  return { redis, wait };
}

function forbidden(command: string) {
  const text = new RegExp(`'${command}'.*Give the user of REDIS_URL "~{\\* `, 'i');
  return {
    code: 'PULSE_REDIS_FORBIDDEN',
    retryable: false,
    message: expect.stringMatching(text) as string,
  };
}

test('the rights that are documented are enough, and are those that are named', async () => {
  const { redis, wait } = await connectAs(DOCUMENTED ?? '');
  await wait();
  await assertRedisIsSafe(redis);
  await ensureLibrary(redis);
  expect((await checkRedis(redis)).filter(({ status }) => status !== 'ok')).toEqual([]);
  const { redis: other } = await connectAs('~* +@all -info');
  await expect(assertRedisIsSafe(other)).rejects.toThrow(`"${DOCUMENTED ?? ''}"`);
});

test('a user without INFO is told so, and Redis is not said to be silent', async () => {
  const { redis, wait } = await connectAs('~* +@all -@dangerous');
  await wait();
  await expect(assertRedisIsSafe(redis)).rejects.toMatchObject(forbidden('info'));
  const findings = await checkRedis(redis);
  expect(findings).toContainEqual({
    name: 'redis memory',
    status: 'danger',
    detail: forbidden('info').message,
  });
  expect(findings).toContainEqual(expect.objectContaining({ name: 'redis writes', status: 'ok' }));
});

test('a user without FUNCTION is told so', async () => {
  const { redis } = await connectAs('~* +@all -function');
  await expect(assertLibraryFits(redis)).rejects.toMatchObject(forbidden('function(\\|list)?'));
  await expect(ensureLibrary(redis)).rejects.toMatchObject(forbidden('function(\\|list)?'));
});

test('a user without PING is not told that the password is wrong', async () => {
  const { wait } = await connectAs('~* +@all -ping');
  await expect(wait()).rejects.toMatchObject(forbidden('ping'));
});

test('a server without FUNCTION is told so', async () => {
  const { redis } = await connectAs('~* +@all', { 'rename-command FUNCTION': 'gone' });
  await expect(ensureLibrary(redis)).rejects.toMatchObject(forbidden('FUNCTION'));
});
