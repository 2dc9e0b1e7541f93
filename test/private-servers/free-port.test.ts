import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, isFree } from '../../src/private-servers/free-port.ts';
import { choosePorts } from '../../src/private-servers/instance-settings.ts';

test('ports are below the range that systems use for outgoing connections', async () => {
  for (let count = 0; count < 20; count++) {
    const port = await freePort();
    expect(port).toBeGreaterThanOrEqual(20_000);
    expect(port).toBeLessThan(32_768);
  }
});

test('a known port is kept if it is free, and replaced if it is taken', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: taken } = server.address() as AddressInfo;
  const free = await freePort();
  expect(await isFree(taken)).toBe(false);
  const ports = await choosePorts({ redis: taken, postgres: free }, ['redis', 'postgres', 'epmd']);
  expect(ports.redis).not.toBe(taken);
  expect(ports.postgres).toBe(free);
  expect(new Set(Object.values(ports)).size).toBe(3);
  const others = await choosePorts({ redis: free }, ['redis'], new Set([free]));
  expect(others.redis).not.toBe(free);
  server.close();
});
