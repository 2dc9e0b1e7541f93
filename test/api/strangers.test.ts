import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createTestApp, unreachablePool } from './api-fixture.ts';

const LOGIN = '/api/v1/login';
/** All that a login can get here: nobody refused it before it asked Postgres. */
const UNAVAILABLE = { status: 503, code: 'PULSE_API_UNAVAILABLE' };

let app: Api;
const latest: { request?: FastifyRequest | undefined } = {};
const bodies: Readable[] = [];
beforeEach(async () => {
  ({ app } = await createTestApp({ pool: unreachablePool() }));
  app.addHook('onRequest', (request, _reply, done) => {
    latest.request = request;
    done();
  });
});
afterEach(async () => {
  for (const body of bodies.splice(0)) body.push(null);
  await app.close();
});

const headers = { 'content-type': 'application/json' };

async function logIn(remoteAddress: string, payload: Buffer | string = loginOf('admin', 'x')) {
  const res = await app.inject({ method: 'POST', url: LOGIN, remoteAddress, headers, payload });
  return res.json<{ status: number; code: string; detail: string }>();
}

function loginOf(username: string, password: string): string {
  return JSON.stringify({ username, password });
}

/** With what each request costs besides, a part of each limit. */
const BODY = 'x'.repeat(12 * 1024);

/** Begins a login, and leaves out the end of its body. @returns Its refusal; undefined if its bytes are held. */
async function beginLogin(remoteAddress: string): Promise<unknown> {
  const payload = new Readable({ read: () => undefined });
  payload.push(BODY);
  bodies.push(payload);
  const sent = { ...headers, 'transfer-encoding': 'chunked' };
  let refusal: unknown;
  void app
    .inject({ method: 'POST', url: LOGIN, remoteAddress, headers: sent, payload })
    .then((res) => (refusal = res.json()));
  latest.request = undefined;
  const hasArrived = () => latest.request?.bodyBytes === BODY.length;
  while (refusal === undefined && !hasArrived()) await setImmediate();
  return refusal;
}

test('an address that begins as many logins as it may, and ends none, keeps no other address out', async () => {
  let refusal: unknown;
  while (refusal === undefined) refusal = await beginLogin('192.0.2.1');
  expect(await logIn('192.0.2.2')).toMatchObject(UNAVAILABLE);
  expect(refusal).toMatchObject({
    status: 429,
    detail: 'The requests in progress of your network are too large together. Try again later.',
  });
});

test('the body of a login has room for the longest name and password, and for little more', async () => {
  const escaped = String.raw`\ud83d\ude00`;
  const longest = `{"username":"${escaped.repeat(64)}","password":"${escaped.repeat(1_024)}"}`;
  expect(await logIn('192.0.2.1', longest)).toMatchObject(UNAVAILABLE);
  expect(await logIn('192.0.2.1', longest.padEnd(16 * 1024))).toMatchObject(UNAVAILABLE);
  expect(await logIn('192.0.2.1', longest.padEnd(16 * 1024 + 1))).toMatchObject({ status: 413 });
});
