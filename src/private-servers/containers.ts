/** Describes the servers as containers, for machines that have a container engine but not the programs. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { InstanceSettings } from './instance-settings.ts';
import { postgresUrl, probePostgres } from './postgres-server.ts';
import type { Server, ServerName } from './process-spec.ts';
import { callerEnvironment } from './programs.ts';
import { probeRabbitmq, rabbitmqUrl } from './rabbitmq-server.ts';
import { probeRedis, REDIS_SETTINGS, redisUrl } from './redis-server.ts';

const run = promisify(execFile);

const ENGINE_TIMEOUT_MS = 5_000;
const PULL_TIMEOUT_MS = 10 * 60_000;

/** Whether the engine works: having its program is not enough. */
export async function engineAnswers(program: string): Promise<boolean> {
  return run(program, ['info'], { timeout: ENGINE_TIMEOUT_MS }).then(
    () => true,
    () => false,
  );
}

/** Downloads the image unless it is present. @throws When the engine cannot get it. */
export async function pullImage(program: string, name: ServerName): Promise<void> {
  const { image } = CONTAINERS[name];
  const inspect = ['image', 'inspect', image];
  const present = await run(program, inspect, { timeout: ENGINE_TIMEOUT_MS }).catch(() => null);
  if (present === null) {
    await run(program, ['pull', '--quiet', image], { timeout: PULL_TIMEOUT_MS });
  }
}

export interface ContainerServerOptions {
  readonly name: ServerName;
  readonly program: string;
  readonly directory: string;
  readonly path: string;
  readonly port: number;
  readonly settings: InstanceSettings;
}

/** Describes one server as a container that keeps its files in a separate volume. */
export function createContainerServer(options: ContainerServerOptions): Server {
  const { name, program, directory, path, port, settings } = options;
  const { image, urlOf, probe, innerPort, storage, secretsOf, command } = CONTAINERS[name];
  const password = settings.passwords[name];
  const url = urlOf(port, password);
  const secrets = secretsOf(password);
  const containerName = `pulse-${settings.id}-${name}`;
  return {
    name,
    url,
    probe: () => probe(url),
    processes: [
      {
        name,
        command: program,
        args: [
          ['run', '--rm', '--name', containerName, '--hostname', containerName],
          ['--label', `pulse.instance=${settings.id}`, '--label', `pulse.directory=${directory}`],
          [
            '--publish',
            `127.0.0.1:${port}:${innerPort}`,
            '--volume',
            `${containerName}:${storage}`,
          ],
          // Only the names: the values come from the environment, which other users cannot read.
          Object.keys(secrets).flatMap((secret) => ['--env', secret]),
          [image, ...command],
        ].flat(),
        // The container gets none of it.
        env: { ...callerEnvironment(), PATH: path, ...secrets },
        cwd: directory,
        logFile: join(directory, `${name}.log`),
        stopSignal: 'SIGTERM',
        quickStopSignal: 'SIGTERM',
        container: { program, name: containerName },
      },
    ],
  };
}

interface ContainerDetails {
  /** With a fixed version, so that every machine runs the same. */
  readonly image: string;
  readonly urlOf: (port: number, password: string) => string;
  readonly probe: (url: string) => Promise<void>;
  readonly innerPort: number;
  /** Where the image keeps its files. */
  readonly storage: string;
  /** Environment variables with passwords. */
  readonly secretsOf: (password: string) => Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

const REDIS_ARGS = Object.entries(REDIS_SETTINGS).flatMap(([name, value]) => [`--${name}`, value]);

const CONTAINERS: Readonly<Record<ServerName, ContainerDetails>> = {
  rabbitmq: {
    image: 'rabbitmq:4.1.3',
    urlOf: rabbitmqUrl,
    probe: probeRabbitmq,
    innerPort: 5672,
    storage: '/var/lib/rabbitmq',
    secretsOf: (password) => ({ RABBITMQ_DEFAULT_USER: 'pulse', RABBITMQ_DEFAULT_PASS: password }),
    command: [],
  },
  redis: {
    image: 'redis:7.2.11',
    urlOf: redisUrl,
    probe: probeRedis,
    innerPort: 6379,
    storage: '/data',
    secretsOf: (password) => ({ REDIS_PASSWORD: password }),
    command: [
      'sh',
      '-c',
      // In a file, because every user of the machine can read the arguments of a process.
      `(umask 077; echo "requirepass $REDIS_PASSWORD" > /tmp/pulse.conf); ` +
        `exec redis-server /tmp/pulse.conf ${REDIS_ARGS.join(' ')}`,
    ],
  },
  postgres: {
    image: 'postgres:16.10',
    urlOf: postgresUrl,
    probe: probePostgres,
    innerPort: 5432,
    storage: '/var/lib/postgresql/data',
    secretsOf: (password) => ({
      POSTGRES_USER: 'pulse',
      POSTGRES_PASSWORD: password,
      POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C --auth=scram-sha-256',
    }),
    command: ['postgres', '-c', 'max_connections=200', '-c', 'timezone=UTC'],
  },
};
