import { afterEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createTestApp } from './api-fixture.ts';

let app: Api | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function open(...args: Parameters<typeof createTestApp>) {
  const created = await createTestApp(...args);
  app = created.app;
  return created;
}

const up = { name: 'postgres', check: () => Promise.resolve() };

test('live checks no server', async () => {
  const { app } = await open({
    readinessChecks: [{ name: 'redis', check: () => Promise.reject(new Error('no')) }],
  });
  for (const url of ['/health/live', '/api/v1/health/live']) {
    const res = await app.inject({ url });
    expect([res.statusCode, res.json()]).toEqual([200, { live: true }]);
  }
});

test('ready names each server, and is 503 while one is unavailable or silent', async () => {
  let redis = (): Promise<void> => Promise.resolve();
  const { app } = await open({
    readinessChecks: [up, { name: 'redis', check: () => redis() }],
  });
  const all = await app.inject({ url: '/health/ready' });
  expect(all.statusCode).toBe(200);
  expect(all.json()).toEqual({
    ready: true,
    checks: [
      { name: 'postgres', ready: true },
      { name: 'redis', ready: true },
    ],
  });
  for (const unavailable of [
    () => Promise.reject(new Error('redis://:password@host')),
    () => new Promise<void>(() => undefined),
    (): Promise<void> => {
      throw new Error('at once');
    },
  ]) {
    redis = unavailable;
    const res = await app.inject({ url: '/health/ready' });
    expect(res.statusCode).toBe(503);
    expect(res.json()).toMatchObject({
      code: 'PULSE_API_NOT_READY',
      detail: 'Unavailable: redis.',
      ready: false,
      checks: [
        { name: 'postgres', ready: true },
        { name: 'redis', ready: false },
      ],
    });
    expect(res.body).not.toContain('password');
  }
});

test('simultaneous requests share one round of checks', async () => {
  let count = 0;
  const check = async () => {
    count += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const { app } = await open({ readinessChecks: [{ name: 'postgres', check }] });
  await Promise.all(Array.from({ length: 10 }, () => app.inject({ url: '/health/ready' })));
  expect(count).toBe(1);
});
