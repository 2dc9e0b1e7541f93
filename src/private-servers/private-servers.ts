/**
 * Private RabbitMQ, Redis and Postgres for one command or one test run.
 *
 * Real servers on free loopback ports with random passwords, all in one directory. They end with this
 * process, however it ends.
 */
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { RejectedError } from '../core/errors.ts';
import type { ServersEnv } from './guardian-protocol.ts';
import { launchServers, type LaunchOptions } from './launch-servers.ts';
import type { ServerName } from './process-spec.ts';
import { waitUntilReady } from './start-server.ts';

export interface PrivateServers {
  readonly env: ServersEnv;
  /**
   * Signals a server and all its helpers, for fault tests. Waits for its end if `signal` (default SIGKILL)
   * ends it; returns at once for others, such as SIGSTOP.
   */
  kill(name: ServerName, signal?: NodeJS.Signals): Promise<void>;
  /** Restarts an ended server with the same port and files; resolves when it is ready. */
  start(name: ServerName): Promise<void>;
  /** Stops all three. Safe to call again. */
  stop(): Promise<void>;
}

/**
 * Starts the servers; all are ready when this resolves.
 *
 * @param options.directory Without `keepFiles`, it must be empty or missing, because it is removed at the end.
 * @throws RejectedError PULSE_SERVICES_MISSING, with instructions on what to install.
 * @throws FatalError PULSE_SERVICES_FAILED, with the last log lines of the server that failed.
 */
export async function startPrivateServers(options: LaunchOptions): Promise<PrivateServers> {
  const directory = resolve(options.directory);
  if (!options.keepFiles && existsSync(directory) && readdirSync(directory).length > 0) {
    throw new RejectedError(
      'PULSE_SERVICES_FAILED',
      `${directory} is not empty, and temporary servers would delete it at the end.`,
    );
  }
  const { guardian, servers, env } = await launchServers({ ...options, directory });
  return {
    env,
    async kill(name, signal = 'SIGKILL') {
      await guardian.send({ kind: 'signal', name, signal });
    },
    async start(name) {
      await guardian.send({ kind: 'restart', name });
      await waitUntilReady(guardian, servers[name]);
    },
    stop: () => guardian.stop(),
  };
}
