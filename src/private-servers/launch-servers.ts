/** Brings the three servers up in one directory, under one guardian. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RejectedError } from '../core/errors.ts';
import { createContainerServer } from './containers.ts';
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

export interface LaunchOptions {
  /** An absolute path; made if it is not there. */
  readonly directory: string;
  /** True: files, passwords and, where free, ports are those of the last time in this directory. */
  readonly keepFiles: boolean;
  readonly onProgress?: (line: string) => void;
  /** Where to look for the servers' programs. Absent: the PATH and the usual places. */
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
  /** Changes when a port turns out to be taken. */
  settings: InstanceSettings;
}

/** The names under which a server's ports are chosen and remembered. */
const PORT_NAMES: Readonly<Record<ServerName, readonly string[]>> = {
  rabbitmq: ['rabbitmq', 'epmd'],
  redis: ['redis'],
  postgres: ['postgres'],
};

/** In such a path RabbitMQ would hang at its start instead of saying so. Blanks and accents do no harm. */
const UNUSABLE = /['"`$\\\u0000-\u001f]/;

/**
 * Starts all three at the same time; resolves when each has completed a real handshake.
 *
 * @throws RejectedError PULSE_SERVICES_MISSING, or PULSE_SERVICES_FAILED for an unusable path.
 * @throws FatalError PULSE_SERVICES_FAILED. Nothing is left running then.
 */
export async function launchServers(options: LaunchOptions): Promise<Launched> {
  const { directory, keepFiles, onProgress = () => undefined } = options;
  if (UNUSABLE.test(directory)) {
    throw new RejectedError(
      'PULSE_SERVICES_FAILED',
      `RabbitMQ's scripts cannot handle a quote, $ or backslash in the path of its files: ${directory}`,
    );
  }
  const sources = await findServerSources(options.search ?? usualSearch(), onProgress);
  // The parent keeps the usual mode: another user, Postgres's, must be able to pass through it.
  mkdirSync(dirname(directory), { recursive: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const guardian = await startGuardian({ directory, keepFiles });
  const settings = keepFiles ? loadSettings(directory) : createSettings();
  const launch: Launch = { ...options, guardian, sources, settings };
  const start = async (name: ServerName) => startServer(guardian, await planFor(name, launch));
  const starting = [start('rabbitmq'), start('redis'), start('postgres')] as const;
  try {
    const [rabbitmq, redis, postgres] = await Promise.all(starting);
    if (keepFiles) saveSettings(directory, launch.settings);
    return {
      guardian,
      servers: { rabbitmq, redis, postgres },
      env: envOf(rabbitmq, redis, postgres),
    };
  } catch (error) {
    await guardian.stop();
    // The others fail now too; none may touch the directory after it is gone.
    await Promise.allSettled(starting);
    throw error;
  }
}

function envOf(rabbitmq: Server, redis: Server, postgres: Server): ServersEnv {
  return { RABBITMQ_URL: rabbitmq.url, REDIS_URL: redis.url, DATABASE_URL: postgres.url };
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

/** Decides, once per server, where it comes from. */
async function describerFor(
  name: ServerName,
  launch: Launch,
): Promise<(attempt: number) => Server> {
  const { directory, keepFiles, guardian, sources } = launch;
  const { programs, engine } = sources;
  const { path, rabbitmq, redis, postgres } = programs;
  const port = (portName: string) => launch.settings.ports[portName] ?? 0;
  const { passwords } = launch.settings;
  if (name === 'rabbitmq' && rabbitmq !== null) {
    return (attempt) =>
      createRabbitmqServer({
        ...{ directory: join(directory, 'rabbitmq'), path, ...rabbitmq },
        ...{ port: port('rabbitmq'), epmdPort: port('epmd') },
        ...{ password: passwords.rabbitmq, erlangCookie: passwords.erlangCookie },
        trim: attempt === 0,
      });
  }
  if (name === 'redis' && redis !== null) {
    return () =>
      createRedisServer({
        ...{ directory: join(directory, 'redis'), path, program: redis },
        ...{ port: port('redis'), password: passwords.redis },
      });
  }
  if (name === 'postgres' && postgres !== null) {
    const adopt = (place: string) => guardian.send({ kind: 'adopt', directory: place });
    const place = await preparePostgresPlace({ directory, keepFiles, adopt });
    return () =>
      createPostgresServer({
        ...{ ...place, path, programs: postgres, syncNewFiles: keepFiles },
        ...{ port: port('postgres'), password: passwords.postgres },
        logFile: join(directory, 'postgres.log'),
      });
  }
  const { settings } = launch;
  if (engine === null) throw new Error(`Neither a program nor an engine for ${name}.`);
  return () =>
    createContainerServer({ name, program: engine, directory, path, port: port(name), settings });
}
