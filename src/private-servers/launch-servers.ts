/** Starts the three servers in one directory, under one guardian. */
import { join } from 'node:path';
import { RejectedError } from '../core/errors.ts';
import { createContainerServer } from './containers.ts';
import { toFileFailure } from './file-failure.ts';
import type { ServersEnv } from './guardian-protocol.ts';
import { startGuardian, type Guardian } from './guardian-client.ts';
import {
  choosePorts,
  createSettings,
  loadSettings,
  saveSettings,
  type InstanceSettings,
} from './instance-settings.ts';
import { preparePostgresPlace } from './postgres-place.ts';
import { createPostgresServer } from './postgres-server.ts';
import type { Server, ServerName } from './process-spec.ts';
import { usualSearch, type ProgramSearch } from './programs.ts';
import { createRabbitmqServer } from './rabbitmq-server.ts';
import { createRedisServer } from './redis-server.ts';
import { findServerSources, type ServerSources } from './server-sources.ts';
import { startServer, type ServerPlan } from './start-server.ts';
import { ensureWritableFolder } from './writable-folder.ts';

export interface LaunchOptions {
  /** An absolute path; created if it does not exist. */
  readonly directory: string;
  /** True: reuse the files, passwords and, where free, ports of the last run in this directory. */
  readonly keepFiles: boolean;
  readonly onProgress?: (line: string) => void;
  /** Where to look for the servers' programs; by default the PATH and the usual places. */
  readonly search?: ProgramSearch;
}

export interface Launched {
  readonly guardian: Guardian;
  readonly servers: Readonly<Record<ServerName, Server>>;
  readonly env: ServersEnv;
}

interface Launch extends LaunchOptions {
  readonly guardian: Guardian;
  readonly sources: ServerSources;
  /** Replaced when a port turns out to be taken. */
  settings: InstanceSettings;
}

/** The names under which a server's ports are chosen and remembered. */
const PORT_NAMES: Readonly<Record<ServerName, readonly string[]>> = {
  rabbitmq: ['rabbitmq', 'epmd'],
  redis: ['redis'],
  postgres: ['postgres'],
};

/** RabbitMQ hangs at start in a path with these characters. Spaces and accents are fine. */
const UNUSABLE = /['"`$\\\u0000-\u001f]/;

/**
 * Starts all three at the same time; resolves when each has answered a real handshake.
 *
 * @throws RejectedError PULSE_SERVICES_MISSING, or PULSE_SERVICES_FAILED for an unusable path.
 * @throws FatalError PULSE_SERVICES_FAILED; nothing is left running.
 */
export async function launchServers(options: LaunchOptions): Promise<Launched> {
  const { directory, keepFiles, onProgress = () => undefined } = options;
  if (UNUSABLE.test(directory)) {
    throw new RejectedError(
      'PULSE_SERVICES_FAILED',
      `RabbitMQ cannot handle quotes, $ or backslashes in the path of its files: ${directory}`,
    );
  }
  const sources = await findServerSources(options.search ?? usualSearch(), onProgress);
  ensureWritableFolder(directory);
  const onCopy = (origin: string): void => {
    if (sources.engine === null) return;
    onProgress(`${directory} is a copy of ${origin}. Its containers begin without data.`);
  };
  const guardian = await startGuardian({ directory, keepFiles }, onProgress);
  let starting: readonly Promise<Server>[] = [];
  try {
    const settings = keepFiles ? loadSettings(directory, onCopy) : createSettings();
    const launch: Launch = { ...options, guardian, sources, settings };
    const start = async (name: ServerName) => startServer(guardian, await planFor(name, launch));
    const all = [start('rabbitmq'), start('redis'), start('postgres')] as const;
    starting = all;
    const [rabbitmq, redis, postgres] = await Promise.all(all);
    if (keepFiles) saveSettings(directory, launch.settings);
    const env = {
      RABBITMQ_URL: rabbitmq.url,
      REDIS_URL: redis.url,
      DATABASE_URL: postgres.url,
    };
    return { guardian, servers: { rabbitmq, redis, postgres }, env };
  } catch (error) {
    await guardian.stop();
    // The others now fail too. Wait for them, so that none recreates the directory.
    await Promise.allSettled(starting);
    throw toFileFailure(error, directory);
  }
}

async function planFor(name: ServerName, launch: Launch): Promise<ServerPlan> {
  const describe = await describerFor(name, launch);
  return {
    name,
    async describe(attempt, avoid) {
      const ports = await choosePorts(launch.settings.ports, PORT_NAMES[name], avoid);
      launch.settings = { ...launch.settings, ports: { ...launch.settings.ports, ...ports } };
      return { server: describe(attempt), ports: Object.values(ports) };
    },
  };
}

/** Decides once per server whether it runs as a program or as a container. */
async function describerFor(
  name: ServerName,
  launch: Launch,
): Promise<(attempt: number) => Server> {
  const { directory, keepFiles, guardian, sources, settings } = launch;
  const { path, rabbitmq, redis, postgres } = sources.programs;
  const port = (portName: string) => launch.settings.ports[portName] ?? 0;
  const { passwords } = settings;
  if (name === 'rabbitmq' && rabbitmq !== null) {
    return (attempt) =>
      createRabbitmqServer({
        ...rabbitmq,
        directory: join(directory, 'rabbitmq'),
        path,
        port: port('rabbitmq'),
        epmdPort: port('epmd'),
        password: passwords.rabbitmq,
        erlangCookie: passwords.erlangCookie,
        trim: attempt === 0,
      });
  }
  if (name === 'redis' && redis !== null) {
    return () =>
      createRedisServer({
        directory: join(directory, 'redis'),
        path,
        program: redis,
        port: port('redis'),
        password: passwords.redis,
      });
  }
  if (name === 'postgres' && postgres !== null) {
    const adopt = (place: string) => guardian.send({ kind: 'adopt', directory: place });
    const place = await preparePostgresPlace({ directory, keepFiles, adopt });
    return () =>
      createPostgresServer({
        ...place,
        path,
        programs: postgres,
        syncNewFiles: keepFiles,
        port: port('postgres'),
        password: passwords.postgres,
        logFile: join(directory, 'postgres.log'),
      });
  }
  const program = sources.engine;
  if (program === null)
    throw new Error(`There is neither a program nor a container engine for ${name}.`);
  return () =>
    createContainerServer({ name, program, directory, path, port: port(name), settings });
}
