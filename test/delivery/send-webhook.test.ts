import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { newSecret, signedHeaders } from '../../src/delivery/signature.ts';
import { createWebhookSender } from '../../src/delivery/send-webhook.ts';
import { BODY, createSender, deferred, startReceiver } from './receiver-fixture.ts';

test('a webhook is one POST with the headers and the bytes that were given', async () => {
  const requests: { request: IncomingMessage; body: Buffer }[] = [];
  const { url } = await startReceiver((request, response) => {
    void buffer(request).then((body) => {
      requests.push({ request, body });
      response.end('thanks');
    });
  });
  const headers = signedHeaders({
    id: 'msg',
    timestampSec: 1,
    body: BODY,
    secrets: [newSecret()],
  });
  expect(await createSender().send(`${url}/in/here?a=b%20c`, { headers })).toEqual({
    outcome: 'delivered',
    statusCode: 200,
    durationMs: expect.any(Number) as number,
    response: 'thanks',
  });
  expect(requests).toHaveLength(1);
  expect(requests[0]?.body).toEqual(BODY);
  expect(requests[0]?.request).toMatchObject({
    method: 'POST',
    url: '/in/here?a=b%20c',
    httpVersion: '1.1',
    headers: {
      ...headers,
      host: new URL(url).host,
      'user-agent': 'Pulse/test',
      'accept-encoding': 'identity',
      'content-length': String(BODY.length),
    },
  });
});

test.each([
  [200, { outcome: 'delivered' }],
  [204, { outcome: 'delivered' }],
  [299, { outcome: 'delivered' }],
  [301, { outcome: 'failed', error: 'redirect' }],
  [304, { outcome: 'failed', error: 'redirect' }],
  [400, { outcome: 'failed' }],
  [410, { outcome: 'failed', gone: true }],
  [429, { outcome: 'failed' }],
  [500, { outcome: 'failed' }],
  [999, { outcome: 'failed' }],
])('the status %s decides', async (statusCode, result) => {
  const { url } = await startReceiver((_request, response) => {
    response.writeHead(statusCode).end();
  });
  expect(await createSender().send(url)).toEqual({
    statusCode,
    durationMs: expect.any(Number) as number,
    response: '',
    ...result,
  });
});

test('a redirect is not followed', async () => {
  let isReached = false;
  const target = await startReceiver((_request, response) => {
    isReached = true;
    response.end();
  });
  for (const statusCode of [301, 302, 303, 307, 308]) {
    const { url } = await startReceiver((_request, response) => {
      response.writeHead(statusCode, { location: target.url }).end();
    });
    expect(await createSender().send(url)).toMatchObject({ statusCode, error: 'redirect' });
  }
  expect(isReached).toBe(false);
});

test('Retry-After of a failure is passed on; that of a success is not', async () => {
  let answer: [number, Record<string, string>] = [429, { 'retry-after': '120' }];
  const { url } = await startReceiver((_request, response) => {
    response.writeHead(...answer).end();
  });
  const { send } = createSender();
  expect(await send(url)).toMatchObject({ statusCode: 429, retryAfterMs: 120_000 });
  answer = [503, { 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }];
  const { retryAfterMs = 0 } = await send(url);
  expect(Math.abs(retryAfterMs - 3_600_000)).toBeLessThan(60_000);
  answer = [503, { 'retry-after': 'soon' }];
  expect(await send(url)).not.toHaveProperty('retryAfterMs');
  answer = [200, { 'retry-after': '120' }];
  expect(await send(url)).not.toHaveProperty('retryAfterMs');
});

test('the first KiB of an answer is kept, as text', async () => {
  let answer: string | Buffer = '';
  const { url } = await startReceiver((_request, response) => {
    response.writeHead(500).end(answer);
  });
  const { send } = createSender();
  answer = 'x'.repeat(1_024);
  expect(await send(url)).toMatchObject({ response: answer });
  answer = `${'x'.repeat(1_022)}€ and more`;
  expect(await send(url)).toMatchObject({ response: 'x'.repeat(1_022) });
  answer = Buffer.from([0x00, 0xff, 0x0a, 0x61]);
  expect(await send(url)).toMatchObject({ response: '\\u{0}\\xff\\na' });
});

test('a connection is used again, also after a longer answer, but not after a huge one', async () => {
  let length = 2;
  const receiver = await startReceiver((_request, response) => {
    response.end('x'.repeat(length));
  });
  // With more, a second one may be opened before the first is ready again.
  const { send } = createSender({ connectionsMax: 1 });
  await send(receiver.url);
  length = 50_000;
  await send(receiver.url);
  length = 1_000_000;
  expect(await send(receiver.url)).toMatchObject({
    outcome: 'delivered',
    response: 'x'.repeat(1_024),
  });
  expect(receiver.connectionCount()).toBe(1);
  await send(receiver.url);
  expect(receiver.connectionCount()).toBe(2);
});

test('webhooks to one origin are sent at the same time, up to the limit of connections', async () => {
  const waiting: (() => void)[] = [];
  const receiver = await startReceiver((_request, response) => {
    waiting.push(() => response.end());
    if (waiting.length === 2) for (const answer of waiting.splice(0)) answer();
  });
  const { send } = createSender({ connectionsMax: 2 });
  const results = await Promise.all(Array.from({ length: 6 }, () => send(receiver.url)));
  expect(results.map(({ outcome }) => outcome)).toEqual(Array(6).fill('delivered'));
  expect(receiver.connectionCount()).toBe(2);
});

test('a webhook that waits for a connection until its time is over has failed', async () => {
  let requestCount = 0;
  const receiver = await startReceiver(() => requestCount++);
  const { send } = createSender({ connectionsMax: 1, timeoutMs: 200 });
  const results = await Promise.all([send(receiver.url), send(receiver.url)]);
  expect(results).toMatchObject([{ error: 'timeout' }, { error: 'timeout' }]);
  expect(requestCount).toBe(1);
});

test('an attempt can be given up, before and while it waits for the answer', async () => {
  const receiver = await startReceiver(() => undefined);
  const { send } = createSender();
  const reason = new Error('stopping');
  await expect(send(receiver.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

  const requested = deferred<IncomingMessage>();
  const silent = await startReceiver((request) => {
    requested.resolve(request);
  });
  const stop = new AbortController();
  const sending = send(silent.url, { signal: stop.signal });
  const request = await requested.promise;
  const closed = once(request.socket, 'close');
  stop.abort(reason);
  await expect(sending).rejects.toBe(reason);
  await closed;
});

test('the caller’s mistakes are errors, not failed attempts', async () => {
  const { url } = await startReceiver((_request, response) => response.end());
  const { send, close } = createSender();
  await expect(send(url, { headers: { 'x-id': 'a\r\nb' } })).rejects.toThrow();
  await close();
  await expect(send(url)).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' });
});

test('closing waits for attempts in flight', async () => {
  const requested = deferred<() => void>();
  const { url } = await startReceiver((_request, response) => {
    requested.resolve(() => response.end());
  });
  const { send, close } = createSender();
  const sending = send(url);
  const answer = await requested.promise;
  const closing = close();
  answer();
  expect(await sending).toMatchObject({ outcome: 'delivered' });
  await closing;
});

test('a URL that is not allowed is no attempt', async () => {
  const { url } = await startReceiver((_request, response) => response.end());
  const { send } = createSender({ guard: { allowPrivate: false } });
  for (const refused of [url, 'http://localhost/', 'ftp://hooks.example.com/', 'nonsense']) {
    expect(await send(refused)).toEqual({
      outcome: 'failed',
      durationMs: 0,
      error: 'refused_address',
    });
  }
});

test('a literal address is checked again at the connection', async () => {
  const { url, connectionCount } = await startReceiver((_request, response) => response.end());
  let checkCount = 0;
  const sender = createWebhookSender({
    userAgent: 'Pulse/test',
    guard: {
      checkUrl: (text) =>
        checkCount++ === 0
          ? { ok: true, url: new URL(text) }
          : { ok: false, detail: 'Not this one.' },
      lookup: () => {
        throw new Error('A literal address is not looked up.');
      },
    },
  });
  const webhook = { url, headers: {}, body: BODY };
  expect(await sender.send(webhook)).toMatchObject({ error: 'refused_address' });
  expect([checkCount, connectionCount()]).toEqual([2, 0]);
  await sender.close();
});
