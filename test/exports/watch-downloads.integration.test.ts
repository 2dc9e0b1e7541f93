/** Downloads of exports that end while they are read. */
import { once } from 'node:events';
import { readdir, readlink, truncate } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fileNameOf } from '../../src/exports/export-files.ts';
import type { Export } from '../../src/exports/exports.ts';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp } from '../api/api-fixture.ts';
import { until } from '../support/until.ts';
import { useExportsFixture } from './exports-fixture.ts';

/** More than the buffers of a socket that nobody reads. */
const BYTES = 64 * 1024 * 1024;
const fixture = useExportsFixture();
/** Two processes with the same folder. */
let downloading: Api;
let deleting: Api;
let port: number;

beforeAll(async () => {
  const { pool, directory } = fixture;
  ({ app: downloading } = await createTestApp({ pool, exports: { directory } }));
  ({ app: deleting } = await createTestApp({ pool, exports: { directory } }));
  port = Number(new URL(await downloading.listen({ port: 0, host: '127.0.0.1' })).port);
});
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(() => Promise.all([downloading.close(), deleting.close()]));

/** An export with a large file of zeros. */
async function makeLarge(): Promise<Export> {
  const { id } = await fixture.ask();
  fixture.start();
  const made = await fixture.end(id);
  await truncate(join(fixture.directory, fileNameOf(made)), BYTES);
  await fixture.pool.query('UPDATE exports SET byte_count = $2 WHERE id = $1', [id, BYTES]);
  return made;
}

/** Asks for files, one after the other, and reads none. */
function download(exports: readonly Export[]): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  sockets.push(socket);
  socket.pause();
  for (const { id } of exports) {
    const head = `GET /api/v1/exports/${id}/file HTTP/1.1\r\nHost: a\r\n`;
    socket.write(`${head}authorization: ${authorization().authorization}\r\n\r\n`);
  }
  return socket;
}

/** The files of exports that this process has open. */
async function openFiles(): Promise<string[]> {
  const numbers = await readdir('/proc/self/fd');
  const links = numbers.map((number) => readlink(`/proc/self/fd/${number}`).catch(() => ''));
  return (await Promise.all(links)).filter((path) => path.startsWith(fixture.directory));
}

test('a download ends soon after its export is deleted, in whichever process', async () => {
  const [kept, deleted] = [await makeLarge(), await makeLarge()];
  const reading = download([kept]);
  // The deleted one waits behind another on its connection.
  const ending = [download([deleted]), download([kept, deleted])];
  await until('all are being read', 20_000, async () => (await openFiles()).length === 4);
  const url = `/api/v1/exports/${deleted.id}`;
  const answer = await deleting.inject({ method: 'DELETE', url, headers: authorization() });
  expect(answer.json()).toMatchObject({ state: 'expired' });
  await until('one is being read', 30_000, async () => (await openFiles()).length === 1);
  for (const socket of ending) {
    socket.resume();
    if (!socket.closed) await once(socket, 'close');
    expect(socket.bytesRead).toBeLessThan(BYTES);
  }
  reading.resume();
  await until('that one is whole', 20_000, () => Promise.resolve(reading.bytesRead > BYTES));
  reading.destroy();
  await until('none is being read', 30_000, async () => (await openFiles()).length === 0);
});
