/**
 * Private RabbitMQ, Redis and Postgres for one command or one test run.
 *
 * Real servers on free loopback ports with random passwords, all under one directory. They end with
 * this process, however it ends.
 */
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { RejectedError } from '../core/errors.ts';
import type { ServersEnv } from './guardian-protocol.ts';
import { launchServers, type Launched, type LaunchOptions } from './launch-servers.ts';
import type { ServerName } from './process-spec.ts';
import { waitUntilReady } from './start-server.ts';

export interface PrivateServers {
  readonly env: ServersEnv;
  /**
   * Signals a server with all its helpers, for fault tests. Resolves when it has ended, if `signal` (default
   * SIGKILL) is one that ends; at once for others, such as SIGSTOP.
   */
  kill(name: ServerName, signal?: NodeJS.Signals): Promise<void>;
  /** Starts a server that has ended on the same port and files; resolves when it is ready. */
  start(name: ServerName): Promise<void>;
  /** Ends all three. Safe to call again. */
  stop(): Promise<void>;
}

/**
 * Starts the servers; each is ready when this resolves.
 *
 * @param options.directory Without `keepFiles` it must not exist or be empty, because it is removed at the end.
 * @throws RejectedError PULSE_SERVICES_MISSING with a page on what to install.
 * @throws FatalError PULSE_SERVICES_FAILED with the failing server's last log lines.
 */
export async function startPrivateServers(options: LaunchOptions): Promise<PrivateServers> {
  const directory = resolve(options.directory);
  if (!options.keepFiles && existsSync(directory) && readdirSync(directory).length > 0) {
    throw new RejectedError(
      'PULSE_SERVICES_FAILED',
      `${directory} is not empty; temporary services would remove it at their end.`,
    );
  }
  const launched = await launchServers({ ...options, directory });
  return toHandle(launched);
}

/** What the owner of launched services can do with them. */
export function toHandle({ guardian, servers, env }: Launched): PrivateServers {
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
