import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { assertPortsUsable } from '../../src/cli/port-checks.ts';
import { parseConfig } from '../../src/config.ts';
import { runInProcess } from '../support/run-in-process.ts';

async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('all ports in use are named at once, with the process that has them and the variable to set', async () => {
  const [api, metrics] = [await takenPort(), await takenPort()];
  const config = parseConfig({ API_PORT: String(api), METRICS_PORT: String(metrics) });
  const holder = process.platform === 'linux' ? `process ${process.pid} (` : 'another process';
  const error = await assertPortsUsable(config, { hasApi: true }).catch(String);
  expect(error).toContain(`Port ${api} is in use by ${holder}`);
  expect(error).toContain('or set API_PORT to another port.');
  expect(error).toContain(`Port ${metrics} is in use by ${holder}`);
  expect(error).toContain('or set METRICS_PORT to another port.');
});

test('a process without the API does not need its port', async () => {
  const config = parseConfig({ API_PORT: String(await takenPort()), METRICS_PORT: '0' });
  await expect(assertPortsUsable(config, { hasApi: false })).resolves.toBeUndefined();
});

test('the API and the metrics cannot have the same port', async () => {
  const config = parseConfig({ API_PORT: '23456', METRICS_PORT: '23456' });
  await expect(assertPortsUsable(config, { hasApi: true })).rejects.toThrow(
    'API_PORT and METRICS_PORT are both 23456',
  );
});

test('the stand-in for the external service says in a sentence why it cannot listen', async () => {
  const port = String(await takenPort());
  const taken = await runInProcess(['enrichment-service', '--port', port]);
  expect(taken).toMatchObject({ exitCode: 1, stdout: '' });
  expect(taken.stderr).toMatch(
    new RegExp(`^pulse: Port ${port} is in use by .* or set --port to another port\\.\n$`),
  );
  const { stderr } = await runInProcess(['enrichment-service', '--host', '192.0.2.1']);
  expect(stderr).toBe('pulse: --host, --port: cannot listen on 192.0.2.1:4000 (EADDRNOTAVAIL).\n');
});
