/** Answers that are still being sent when their callers lose their rights. */
import { once } from 'node:events';
import { truncate } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { revokeKey } from '../../src/access/api-keys.ts';
import { createIdentities, type Identities } from '../../src/access/identities.ts';
import { addUser, setRights, setUserDisabled } from '../../src/access/users.ts';
import { fileNameOf } from '../../src/exports/export-files.ts';
import { createLinkSigner } from '../../src/exports/signed-link.ts';
import type { Api } from '../../src/http/api-module.ts';
import { createPool, withTransaction } from '../../src/platform/postgres.ts';
import { useExportsFixture } from '../exports/exports-fixture.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { newKey } from './access-fixture.ts';
import { createTestApp, forgeToken } from './api-fixture.ts';

/** More than the buffers of a socket that nobody reads. */
const BYTES = 64 * 1024 * 1024;
/** Rows of a usage export that is as long. */
const LONG_ROWS = 200_000;
const SOURCE = { actor: 'test', via: 'command_line' } as const;
const VIEWER = { role: 'viewer', scope: 'all', passwordHash: '' } as const;
const fixture = useExportsFixture();
const links = createLinkSigner('test');
const sockets: Socket[] = [];
/** Between the API and the users and keys. */
let proxy: TcpProxy;
let identityPool: Pool;
let app: Api;
let port: number;
/** Look-ups of keys that did not succeed. */
let failedCount = 0;

beforeAll(async () => {
  const { pool, directory, databaseUrl } = fixture;
  proxy = await startTcpProxy(databaseUrl);
  const logger = pino({ level: 'silent' });
  identityPool = createPool(proxy.url, { name: 'identities', logger });
  const real = createIdentities(identityPool, logger);
  const identities: Identities = {
    ...real,
    findKey: (...of) =>
      real.findKey(...of).catch((error: unknown) => {
        failedCount += 1;
        throw error;
      }),
  };
  ({ app } = await createTestApp({ pool, identities, exports: { directory, links } }));
  port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
});
beforeEach(() => {
  proxy.heal();
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
afterAll(async () => {
  await app.close();
  await identityPool.end();
  await proxy.close();
});

/** An export with a large file of zeros. @returns The paths of the file. */
async function makeLarge() {
  const { id } = await fixture.ask();
  fixture.start();
  const made = await fixture.end(id);
  await truncate(join(fixture.directory, fileNameOf(made)), BYTES);
  await fixture.pool.query('UPDATE exports SET byte_count = $2 WHERE id = $1', [id, BYTES]);
  const expires = Math.floor(Date.now() / 1_000) + 900;
  const signature = links.sign({ id, fence: made.fence, expires });
  const query = `fence=${made.fence}&expires=${expires}&signature=${signature}`;
  return { file: `exports/${id}/file`, link: `exports/${id}/download?${query}` };
}

/** Asks, and reads only the beginning. */
async function ask(path: string, token?: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  sockets.push(socket);
  const head = token === undefined ? '' : `authorization: Bearer ${token}\r\n`;
  socket.write(`GET /api/v1/${path} HTTP/1.1\r\nHost: a\r\n${head}\r\n`);
  const [first] = (await once(socket, 'data')) as [Buffer];
  expect(first.toString()).toContain('HTTP/1.1 200');
  socket.pause();
  return socket;
}

/** Reads on, and expects that it ends early, however its length is told. */
async function expectCut(socket: Socket): Promise<void> {
  let tail = '';
  socket.on('data', (chunk: Buffer) => (tail = chunk.toString('latin1').slice(-8)));
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
  expect(socket.bytesRead).toBeLessThan(BYTES);
  expect(tail).not.toMatch(/\r\n0\r\n\r\n$/);
}

async function expectWhole(socket: Socket): Promise<void> {
  socket.resume();
  await until('it is whole', 20_000, () => Promise.resolve(socket.bytesRead > BYTES));
}

/** Waits until the server has only so many connections. */
const untilOpen = (count: number) =>
  until('the others are cut', 20_000, async () => {
    const open = await promisify(app.server.getConnections.bind(app.server))();
    return open === count;
  });

const newUser = async (username: string) => {
  await addUser(fixture.pool, { username, ...VIEWER }, SOURCE);
  return forgeToken({ claims: { sub: username } });
};

test('a download ends soon after its key is revoked; those of others and by links go on', async () => {
  const { file, link } = await makeLarge();
  const [revoked, kept] = [await newKey(fixture.pool, VIEWER), await newKey(fixture.pool, VIEWER)];
  const ending = await ask(file, revoked.text);
  const going = [await ask(file, kept.text), await ask(link)];
  await revokeKey(fixture.pool, revoked.id, SOURCE);
  await untilOpen(2);
  await expectCut(ending);
  for (const socket of going) await expectWhole(socket);
});

test('an export of usage ends soon after its user is disabled, or may see fewer tenants', async () => {
  await fixture.addPulses('acme', LONG_ROWS);
  await fixture.pool.query(`UPDATE pulses SET product_sku = rpad(product_sku, 128, 'x')`);
  const usage = 'usage.csv?group_by=product_sku&live=false';
  const disabled = await ask(usage, await newUser('disabled'));
  const narrowed = await ask(usage, await newUser('narrowed'));
  await setUserDisabled(fixture.pool, { username: 'disabled', isDisabled: true }, SOURCE);
  await withTransaction(fixture.pool, (client) =>
    setRights(client, { username: 'narrowed', role: 'viewer', scope: ['globex'] }, SOURCE),
  );
  await untilOpen(0);
  for (const socket of [disabled, narrowed]) await expectCut(socket);
});

test('a download ends soon after its token has expired', async () => {
  const { file } = await makeLarge();
  await newUser('late');
  const exp = Math.floor(Date.now() / 1_000) + 3;
  const ending = await ask(file, forgeToken({ claims: { sub: 'late', exp } }));
  await untilOpen(0);
  await expectCut(ending);
});

test('a download goes on while nobody knows the rights of its key', async () => {
  const { file } = await makeLarge();
  const key = await newKey(fixture.pool, VIEWER);
  const going = await ask(file, key.text);
  proxy.cut();
  failedCount = 0;
  await until('they were looked up', 20_000, () => Promise.resolve(failedCount > 1));
  await expectWhole(going);
});
