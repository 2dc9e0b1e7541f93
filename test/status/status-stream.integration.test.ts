import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openFlow } from '../flows/flow-fixture.ts';
import { authorization, createTestApp } from '../api/api-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { QUIET } from './fake-status.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

interface StreamEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads events as a web page does. */
async function openStream(api: string, token: string, path = '/api/v1/status/stream') {
  const leaving = new AbortController();
  onTestFinished(() => {
    leaving.abort();
  });
  const response = await fetch(api + path, {
    headers: { authorization: `Bearer ${token}`, 'accept-encoding': 'gzip' },
    signal: leaving.signal,
  });
  const events: StreamEvent[] = [];
  const state = { isOver: false };
  const read = async () => {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const parts = text.split('\n\n');
      text = parts.pop()!;
      for (const part of parts) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
        if (data !== undefined) {
          events.push({ name: name!, data: JSON.parse(data) as StreamEvent['data'] });
        }
      }
    }
    state.isOver = true;
  };
  if (response.status === 200) void read().catch(() => undefined);
  return { response, events, state, leave: leaving };
}

async function createKey(flow: Awaited<ReturnType<typeof openFlow>>) {
  const made = await flow.run([
    ...['keys', 'create', '--name', 'console', '--role', 'viewer', '--all-tenants', '--json'],
  ]);
  return JSON.parse(made.stdout) as { id: string; key: string };
}

test('a stream sends the status again and again, to a few readers of a caller, until its key is revoked', async () => {
  const flow = await openFlow();
  const { ready } = await flow.start('api');
  const { id, key } = await createKey(flow);
  const first = await openStream(ready.api!, key);
  expect(first.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(first.response.headers.get('content-encoding')).toBeNull();
  await eventually(() => first.events.length).toBeGreaterThanOrEqual(3);
  const [one, other] = first.events;
  expect(one).toMatchObject({ name: 'status', data: { unavailable: [], queue: { ready: 0 } } });
  expect(other!.data.at! > one!.data.at!).toBe(true);

  const more = await Promise.all(Array.from({ length: 7 }, () => openStream(ready.api!, key)));
  const refused = await openStream(ready.api!, key);
  expect(refused.response.status).toBe(429);
  expect(await refused.response.json()).toMatchObject({ code: 'PULSE_API_TOO_MANY_STREAMS' });
  more[0]!.leave.abort();
  await eventually(async () => (await openStream(ready.api!, key)).response.status).toBe(200);

  await flow.run(['keys', 'revoke', id]);
  await eventually(() => first.state.isOver).toBe(true);
  expect(first.events.at(-1)).toEqual({ name: 'end', data: { code: 'PULSE_API_UNAUTHENTICATED' } });
});

test('open streams do not hold up the end of the process', async () => {
  const flow = await openFlow({ STOP_TIMEOUT_SECONDS: '60' });
  const api = await flow.start('api');
  const { key } = await createKey(flow);
  const stream = await openStream(api.ready.api!, key);
  await eventually(() => stream.events.length).toBeGreaterThanOrEqual(1);
  api.signal('SIGTERM');
  const { exitCode, stderr } = await api.ended;
  expect(exitCode).toBe(0);
  expect(stderr).not.toContain('cut off');
  await eventually(() => stream.state.isOver).toBe(true);
  expect(stream.events.at(-1)).toEqual({ name: 'end', data: { code: 'PULSE_API_CLOSING' } });
});

test('the server ends the connection of a reader that takes nothing', async () => {
  // Larger than all buffers between the two.
  const status = { ...QUIET, problems: ['x'.repeat(32 * 1024 * 1024)] };
  const { app } = await createTestApp({
    status: {
      reader: { read: () => Promise.resolve(status), history: () => [] },
      streamLimits: { lifeMs: 600_000, checkMs: 1_000, stalledMs: 2_000 },
    },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  const served = once(app.server, 'connection') as Promise<[Socket]>;
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  socket.pause();
  const { authorization: value } = authorization();
  socket.write(`GET /api/v1/status/stream HTTP/1.1\r\nhost: x\r\nauthorization: ${value}\r\n\r\n`);
  const [accepted] = await served;
  await eventually(() => accepted.bytesWritten, { timeout: 60_000 }).toBeGreaterThan(1_000);
  await eventually(() => accepted.destroyed, { timeout: 60_000 }).toBe(true);
});
