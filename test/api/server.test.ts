import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startApi } from '../../src/api/server.ts';
import { authorization, fakePopulateRuns, OPTIONS, testDeps } from './api-fixture.ts';

const listen = (populateRuns = fakePopulateRuns(), closeTimeoutMs = 2_000) =>
  startApi(testDeps({ populateRuns }), { ...OPTIONS, host: '127.0.0.1', port: 0, closeTimeoutMs });
const start = (url: string, agent: { signal?: AbortSignal } = {}) =>
  fetch(`${url}/api/v1/pulses/populate`, {
    ...agent,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization() },
    body: JSON.stringify({ total_messages: 1, workers_number: 1, buffer_size: 1 }),
  });

test('a port in use is an error that names the variables', async () => {
  const api = await listen();
  const port = Number(new URL(api.url).port);
  await expect(
    startApi(testDeps(), { ...OPTIONS, host: '127.0.0.1', port, closeTimeoutMs: 100 }),
  ).rejects.toThrow(`API_HOST, API_PORT: cannot listen on 127.0.0.1:${port} (EADDRINUSE).`);
  await api.close();
});

test('a request in progress at close is answered, and then its connection closes', async () => {
  const runs = fakePopulateRuns();
  const begin = runs.start.bind(runs);
  const { promise: released, resolve: release } = deferred();
  const { promise: arrived, resolve: arrive } = deferred();
  runs.start = async (request) => {
    arrive();
    await released;
    return begin(request);
  };
  const api = await listen(runs);
  const answer = start(api.url);
  await arrived;
  const closing = api.close();
  expect(api.close()).toBe(closing);
  release();
  const res = await answer;
  expect(res.status).toBe(202);
  expect(res.headers.get('connection')).toBe('close');
  await closing;
  await expect(fetch(`${api.url}/health/live`)).rejects.toThrow();
});

test('a request that does not end is aborted after the timeout', async () => {
  const runs = fakePopulateRuns();
  const { promise: arrived, resolve: arrive } = deferred();
  runs.start = () => {
    arrive();
    return new Promise(() => undefined);
  };
  const api = await listen(runs, 100);
  const answer = start(api.url);
  await arrived;
  await Promise.all([expect(answer).rejects.toThrow(), api.close()]);
});

test('while closing, further requests on an open connection are refused with a problem', async () => {
  const runs = fakePopulateRuns();
  const { promise: released, resolve: release } = deferred();
  const { promise: arrived, resolve: arrive } = deferred();
  const begin = runs.start.bind(runs);
  runs.start = async (request) => {
    arrive();
    await released;
    return begin(request);
  };
  const api = await listen(runs);
  const answer = start(api.url);
  const raw = await rawConnection(api.url);
  raw.send('GET /health/ready HTTP/1.1\r\nHost: x\r\nContent-');
  await arrived;
  const closing = api.close();
  raw.send('Length: 0\r\n\r\n');
  const text = await raw.ended;
  expect(text).toContain('503');
  expect(text).toContain('It is shutting down.');
  expect(text.toLowerCase()).toContain('connection: close');
  release();
  expect((await answer).status).toBe(202);
  await closing;
});

test('an idle connection does not delay the close', async () => {
  const api = await listen(fakePopulateRuns(), 60_000);
  const raw = await rawConnection(api.url);
  raw.send('GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n');
  await raw.contains('{"live":true}');
  await api.close();
  expect(await raw.ended).toContain('Connection: keep-alive');
});

test('a flood of requests on one connection closes it, and others are answered', async () => {
  const api = await listen();
  const raw = await rawConnection(api.url);
  raw.send('GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_450));
  await raw.ended;
  expect((await fetch(`${api.url}/health/live`)).status).toBe(200);
  await api.close();
});

test.each([
  ['/health/live', '', 400, 'PULSE_API_MALFORMED_HTTP'],
  ['/health/live', 'Host: x\r\nExpect: x\r\n', 417, 'PULSE_API_EXPECTATION'],
  ['/docs/static/../../..', 'Host: x\r\n', 404, 'PULSE_API_ROUTE_NOT_FOUND'],
  ['/docs/static/%2e%2e/%2e%2e', 'Host: x\r\n', 404, 'PULSE_API_ROUTE_NOT_FOUND'],
])(
  'GET %s with the headers %j is answered with the problem %i',
  async (path, headers, status, code) => {
    const api = await listen();
    const raw = await rawConnection(api.url);
    raw.send(`GET ${path} HTTP/1.1\r\nConnection: close\r\n${headers}\r\n`);
    const answer = await raw.ended;
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain(code);
    await api.close();
  },
);

test('broken HTTP is answered with a problem', async () => {
  const api = await listen();
  const raw = await rawConnection(api.url);
  raw.send('NOT HTTP AT ALL\r\n\r\n');
  const text = await raw.ended;
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).toContain('PULSE_API_MALFORMED_HTTP');
  await api.close();
});

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

async function rawConnection(url: string) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  const ended = new Promise<string>((resolve) => {
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('close', () => {
      resolve(text);
    });
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  const contains = async (part: string) => {
    while (!text.includes(part)) await once(socket, 'data');
  };
  return { send: (bytes: string) => socket.write(bytes), ended, contains };
}

test('the reference names the port that the server listens on', async () => {
  const api = await listen();
  const document = (await (await fetch(`${api.url}/openapi.json`)).json()) as {
    info: { description: string };
  };
  expect(document.info.description).toContain(`API=${api.url}/api/v1`);
  await api.close();
});
