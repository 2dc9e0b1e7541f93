import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createTestApp } from '../api/api-fixture.ts';

let app: Api;

beforeEach(async () => {
  ({ app } = await createTestApp());
});
afterEach(() => app.close());

/** A login without a password: the answer says whether the body was read. */
async function send(username: string | Buffer) {
  const payload = Buffer.concat([
    Buffer.from('{"username":"'),
    Buffer.from(username),
    Buffer.from('"}'),
  ]);
  const headers = { 'content-type': 'application/json' };
  const res = await app.inject({ method: 'POST', url: '/api/v1/login', headers, payload });
  return res.json<{ status: number; code: string; detail: string }>();
}

test.each([
  ['the first half of a character', String.raw`a\ud83db`, 'half a character'],
  ['the second half of a character', String.raw`\uDE00`, 'half a character'],
  ['halves in the wrong order', String.raw`\ude00\ud83d`, 'half a character'],
  ['half a character in a name', String.raw`x","\ud800":"x`, 'half a character'],
  ['bytes that are not UTF-8', Buffer.from([0x61, 0xff]), 'not UTF-8'],
])('a body with %s is refused', async (_name, username, detail) => {
  expect(await send(username)).toMatchObject({
    status: 400,
    code: 'PULSE_API_MALFORMED_BODY',
    detail: expect.stringContaining(detail) as string,
  });
});

test.each([
  ['nothing', '', 'The body is empty.'],
  ['half an object', '{"username":', 'Unexpected end of JSON input'],
  ['a byte order mark and no JSON', '\ufeff{,}', 'JSON at position 1'],
  ['a member that would change an object', '{"__proto__":{}}', 'a member __proto__'],
  ['the same by way of its constructor', '{"constructor":{"prototype":{}}}', 'member constructor'],
])('a body of %s is refused, and the detail says why', async (_name, payload, detail) => {
  const headers = { 'content-type': 'application/json' };
  const res = await app.inject({ method: 'POST', url: '/api/v1/login', headers, payload });
  expect(res.json()).toMatchObject({
    status: 400,
    code: 'PULSE_API_MALFORMED_BODY',
    detail: expect.stringContaining(detail) as string,
  });
});

test.each([
  ['a character beyond the first 65,536', '😀'],
  ['the same as two escapes', String.raw`\ud83d\ude00`],
  ['a backslash before what looks like an escape', String.raw`\\ud83d`],
  ['the replacement character', '\ufffd'],
])('a body with %s is read', async (_name, username) => {
  expect(await send(username)).toMatchObject({
    code: 'PULSE_API_INVALID_REQUEST',
    detail: 'password: is required',
  });
});
