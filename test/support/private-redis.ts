/** A Redis for one test alone: for tests that kill it, replace its functions, or misconfigure it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../src/private-servers/free-port.ts';
import { findProgram, usualSearch } from '../../src/private-servers/programs.ts';

export interface PrivateRedis {
  readonly url: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and files; resolves when it answers. */
  start(): Promise<void>;
  /** Kills it and removes its files. */
  close(): Promise<void>;
}

/**
 * Starts one with the durability that Pulse needs. `settings` are added, for example `{ maxmemory: '8mb' }`, and so are
 * variables of its environment.
 */
export async function startPrivateRedis(
  settings: Readonly<Record<string, string>> = {},
  env: NodeJS.ProcessEnv = {},
): Promise<PrivateRedis> {
  const program = findProgram('redis-server', usualSearch());
  if (program === null) throw new Error('redis-server is not installed here.');
  const directory = mkdtempSync(join(tmpdir(), 'pulse-test-redis-'));
  const port = await freePort();
  const all = { appendonly: 'yes', appendfsync: 'always', save: '', ...settings };
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const url = `redis://127.0.0.1:${port}`;
  let server: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    server = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', ...args], {
      cwd: directory,
      env: { ...process.env, ...env },
      stdio: 'ignore',
    });
    const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: 500 });
    client.on('error', () => undefined);
    // A server that asks for a password is up as well.
    await client.ping().catch((error: unknown) => {
      if (!(error instanceof Error && error.message.startsWith('NOAUTH'))) throw error;
    });
    client.disconnect();
  };
  const kill = async (): Promise<void> => {
    if (server?.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  };
  // A test that fails midway must not leave a server behind.
  const endWithProcess = (): void => {
    server?.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true, maxRetries: 20 });
  };
  process.once('exit', endWithProcess);
  await start();
  return {
    url,
    start,
    kill,
    async close() {
      await kill();
      process.off('exit', endWithProcess);
      // Rewriting its append-only file may continue for a moment after it ends.
      rmSync(directory, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}
