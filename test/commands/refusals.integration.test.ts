/** Errors that a person meets before anything works: each is one sentence, not a stack trace and not silence. */
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS, runPulse, startPulse } from '../support/pulse-process.ts';
import { noProcessIsLeft, openDirectory } from './left-behind.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

test('a port in use ends `pulse start` before it starts private servers', async () => {
  const cwd = openDirectory();
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const env = { API_PORT: String(port), METRICS_PORT: '0' };
  const { exitCode, stderr } = await runPulse(['start'], { cwd, env });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(new RegExp(`^pulse: Port ${port} is in use by .*set API_PORT`));
  expect(existsSync(join(cwd, '.pulse'))).toBe(false);
});

test('a folder that is not writable is reported in one sentence', async () => {
  const cwd = openDirectory();
  // Root may write anywhere, but not below a file.
  writeFileSync(join(cwd, '.pulse'), '');
  const env = { API_PORT: '0', METRICS_PORT: '0' };
  for (const args of [['start'], ['services', 'up'], ['demo']]) {
    const { exitCode, stderr } = await runPulse(args, { cwd, env });
    expect(exitCode, args.join(' ')).toBe(1);
    const lines = stderr.split('\n').filter((line) => line.startsWith('pulse: '));
    expect(lines, stderr).toHaveLength(1);
    expect(lines[0]).toMatch(/cannot keep their files in .*Run Pulse in a folder/);
    expect(stderr).not.toContain('    at ');
  }
});

test('closing the terminal stops the system cleanly, and then its servers', async () => {
  const cwd = openDirectory();
  const env = { API_PORT: '0', METRICS_PORT: '0', LOG_LEVEL: 'warn' };
  const system = startPulse(['start'], { cwd, env });
  await system.printed('Pulse is running');
  system.signal('SIGHUP');
  expect(await system.ended).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('Stopped.') as string,
  });
  await noProcessIsLeft(cwd);
});
