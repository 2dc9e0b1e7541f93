/** The servers as containers, for a machine that has a container engine instead of the programs. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { InstanceSettings } from './instance-settings.ts';
import { postgresUrl, probePostgres } from './postgres-server.ts';
import type { Server, ServerName } from './process-spec.ts';
import { probeRabbitmq, rabbitmqUrl } from './rabbitmq-server.ts';
import { probeRedis, REDIS_SETTINGS, redisUrl } from './redis-server.ts';

const run = promisify(execFile);

/** Pinned, so that every machine runs the same. */
export const IMAGES: Readonly<Record<ServerName, string>> = {
  rabbitmq: 'rabbitmq:4.1.3',
  redis: 'redis:7.2.10',
  postgres: 'postgres:16.10',
};

const ENGINE_TIMEOUT_MS = 5_000;
const PULL_TIMEOUT_MS = 10 * 60_000;

/** Whether an engine really answers; the program alone says nothing. */
export async function engineAnswers(program: string): Promise<boolean> {
  return run(program, ['info'], { timeout: ENGINE_TIMEOUT_MS }).then(
    () => true,
    () => false,
  );
}

/** Fetches the image unless it is there. @throws When the engine cannot get it. */
export async function pullImage(program: string, name: ServerName): Promise<void> {
  const present = await run(program, ['image', 'inspect', IMAGES[name]], {
    timeout: ENGINE_TIMEOUT_MS,
  }).catch(() => null);
  if (present === null) {
    await run(program, ['pull', '--quiet', IMAGES[name]], { timeout: PULL_TIMEOUT_MS });
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

/** Describes one server as a container whose files are in a volume of its own. */
export function createContainerServer(options: ContainerServerOptions): Server {
  const { name, program, directory, path, port, settings } = options;
  const password = settings.passwords[name];
  const { url, probe, innerPort, storage, secrets, command } = CONTAINERS[name](port, password);
  const containerName = `pulse-${settings.id}-${name}`;
  return {
    name,
    url,
    probe,
    processes: [
      {
        name,
        command: program,
        args: [
          ...['run', '--rm', '--name', containerName, '--hostname', containerName],
          ...[
            '--label',
            `pulse.instance=${settings.id}`,
            '--label',
            `pulse.directory=${directory}`,
          ],
          ...['--publish', `127.0.0.1:${port}:${innerPort}`],
          ...['--volume', `${containerName}:${storage}`],
          // By name only: the values come from the environment, where other users cannot read them.
          ...Object.keys(secrets).flatMap((secret) => ['--env', secret]),
          IMAGES[name],
          ...command,
        ],
        env: { PATH: path, HOME: directory, ...secrets },
        cwd: directory,
        logFile: join(directory, `${name}.log`),
        stopSignal: 'SIGTERM',
        quickStopSignal: 'SIGTERM',
        container: { program, containerName, volumeName: containerName },
      },
    ],
  };
}

interface ContainerDetails {
  readonly url: string;
  readonly probe: () => Promise<void>;
  readonly innerPort: number;
  /** Where the image keeps its files. */
  readonly storage: string;
  readonly secrets: Readonly<Record<string, string>>;
  readonly command: readonly string[];
}

const CONTAINERS: Record<ServerName, (port: number, password: string) => ContainerDetails> = {
  rabbitmq(port, password) {
    const url = rabbitmqUrl(port, password);
    return {
      url,
      probe: () => probeRabbitmq(url),
      innerPort: 5672,
      storage: '/var/lib/rabbitmq',
      secrets: { RABBITMQ_DEFAULT_USER: 'pulse', RABBITMQ_DEFAULT_PASS: password },
      command: [],
    };
  },
  redis(port, password) {
    const url = redisUrl(port, password);
    const args = Object.entries(REDIS_SETTINGS).flatMap(([name, value]) => [`--${name}`, value]);
    return {
      url,
      probe: () => probeRedis(url),
      innerPort: 6379,
      storage: '/data',
      secrets: { REDIS_PASSWORD: password },
      command: ['sh', '-c', `exec redis-server --requirepass "$REDIS_PASSWORD" ${args.join(' ')}`],
    };
  },
  postgres(port, password) {
    const url = postgresUrl(port, password);
    return {
      url,
      probe: () => probePostgres(url),
      innerPort: 5432,
      storage: '/var/lib/postgresql/data',
      secrets: {
        POSTGRES_USER: 'pulse',
        POSTGRES_PASSWORD: password,
        POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C --auth=scram-sha-256',
      },
      command: ['postgres', '-c', 'max_connections=200', '-c', 'timezone=UTC'],
    };
  },
};
