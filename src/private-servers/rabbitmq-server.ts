/** A private RabbitMQ node with a private port mapper (epmd), so that no daemon is shared or left behind. */
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import type { ProcessSpec, Server } from './process-spec.ts';
import { createTrimmedHome } from './rabbitmq-trimmed-home.ts';

export interface RabbitmqServerOptions {
  readonly directory: string;
  readonly port: number;
  readonly epmdPort: number;
  readonly password: string;
  /** Nodes that share it (and the epmd port) can form a cluster. */
  readonly erlangCookie: string;
  /** The real start script, not a package's wrapper around it. */
  readonly program: string;
  readonly epmd: string;
  readonly path: string;
  /** The part before the `@`. Must stay the same over restarts, because file names contain it. */
  readonly nodeName?: string;
  /** False starts it from its original home: slower, but without our changes. */
  readonly trim: boolean;
}

const USERNAME = 'pulse';

/** Writes the configuration into `directory` and describes epmd and the broker. */
export function createRabbitmqServer(options: RabbitmqServerOptions): Server {
  const { directory, port, password, erlangCookie } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(
    join(directory, 'rabbitmq.conf'),
    [
      `listeners.tcp.default = 127.0.0.1:${port}`,
      `default_user = ${USERNAME}`,
      `default_pass = ${password}`,
      'disk_free_limit.absolute = 50MB',
      'vm_memory_high_watermark.relative = 0.4',
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  writeFileSync(join(directory, 'enabled_plugins'), '[].\n');
  // Empty, but must exist so that RabbitMQ does not read /etc/rabbitmq/rabbitmq-env.conf.
  writeFileSync(join(directory, 'rabbitmq-env.conf'), '');
  const cookieFile = join(directory, '.erlang.cookie');
  if (!existsSync(cookieFile)) writeFileSync(cookieFile, erlangCookie);
  // Erlang refuses a cookie that other users can read.
  chmodSync(cookieFile, 0o400);
  const url = rabbitmqUrl(port, password);
  return {
    name: 'rabbitmq',
    url,
    processes: [describeEpmd(options), describeBroker(options)],
    probe: () => probeRabbitmq(url),
  };
}

function describeEpmd({ directory, epmd, epmdPort, path }: RabbitmqServerOptions): ProcessSpec {
  return {
    name: 'epmd',
    command: epmd,
    args: ['-address', '127.0.0.1', '-port', String(epmdPort)],
    env: { PATH: path },
    cwd: directory,
    logFile: join(directory, 'epmd.log'),
    stopSignal: 'SIGKILL',
    quickStopSignal: 'SIGKILL',
  };
}

function describeBroker(options: RabbitmqServerOptions): ProcessSpec {
  const { directory, program, epmdPort, path, nodeName = 'pulse', trim } = options;
  const node = `${nodeName}@localhost`;
  const home = trim ? createTrimmedHome(program, join(directory, 'home')) : null;
  if (home === null) rmSync(join(directory, 'home'), { recursive: true, force: true });
  return {
    name: 'rabbitmq',
    command: program,
    args: [],
    env: {
      PATH: path,
      HOME: directory,
      LANG: 'C.UTF-8',
      RABBITMQ_NODENAME: node,
      RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
      RABBITMQ_LOG_BASE: join(directory, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: join(directory, 'rabbitmq-env.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
      RABBITMQ_PID_FILE: join(directory, 'pid'),
      ...(home === null ? {} : { RABBITMQ_SCRIPTS_DIR: join(home, 'sbin') }),
      // Makes the script exec the Erlang VM instead of staying its parent, so that signals and the kernel's
      // death signal reach the broker. -noinput then turns off reading standard input again.
      RABBITMQ_ALLOW_INPUT: '1',
      // With the node name on the command line, Erlang itself opens a free distribution port. Otherwise the
      // broker would start a second Erlang VM, which would start a shared epmd daemon.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-noinput -sname ${node} -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}`,
      ERL_EPMD_PORT: String(epmdPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_CRASH_DUMP_SECONDS: '0',
    },
    cwd: directory,
    logFile: join(directory, 'rabbitmq.log'),
    stopSignal: 'SIGTERM',
    quickStopSignal: 'SIGKILL',
  };
}

export function rabbitmqUrl(port: number, password: string): string {
  return `amqp://${USERNAME}:${password}@127.0.0.1:${port}`;
}

/** Completes an AMQP handshake with our credentials. */
export async function probeRabbitmq(url: string): Promise<void> {
  const connection = await connect(url, { timeout: 5_000 });
  // The call below rejects with the same error.
  connection.on('error', () => undefined);
  await connection.close();
}
