/** A RabbitMQ for one test alone: for tests that raise its alarms, which affect every client of a server. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../src/private-servers/free-port.ts';
import { findPrograms, usualSearch } from '../../src/private-servers/programs.ts';
import { createRabbitmqServer } from '../../src/private-servers/rabbitmq-server.ts';
import { guardCluster, startNode } from './cluster-node.ts';

export interface PrivateRabbit {
  readonly url: string;
  /** While on, RabbitMQ reads nothing more from connections that publish. It still delivers. */
  setMemoryAlarm(on: boolean): Promise<void>;
  /** Limits the length of the queues whose names match, as an operator can. */
  limitLength(pattern: string, lengthMax: number): Promise<void>;
  /** Stops it and removes its files. */
  close(): Promise<void>;
}

export async function startPrivateRabbit(): Promise<PrivateRabbit> {
  const { rabbitmq, path } = await findPrograms(usualSearch());
  if (rabbitmq === null) throw new Error('RabbitMQ is not installed here.');
  const directory = mkdtempSync(join(tmpdir(), 'pulse-test-rabbit-'));
  const guardian = await guardCluster(directory);
  const epmdPort = await freePort();
  const server = createRabbitmqServer({
    ...{ directory, path, ...rabbitmq, port: await freePort(), epmdPort, trim: true },
    password: randomBytes(16).toString('hex'),
    erlangCookie: randomBytes(16).toString('hex').toUpperCase(),
  });
  const { url } = await startNode(guardian, 'rabbitmq', server);
  const control = async (...args: string[]): Promise<void> => {
    await promisify(execFile)(
      join(dirname(rabbitmq.program), 'rabbitmqctl'),
      ['-n', 'pulse@localhost', ...args],
      {
        env: {
          ...{ PATH: path, HOME: directory, LANG: 'C.UTF-8', ERL_EPMD_PORT: String(epmdPort) },
          RABBITMQ_CONF_ENV_FILE: join(directory, 'rabbitmq-env.conf'),
          RABBITMQ_CTL_ERL_ARGS: '-start_epmd false',
        },
      },
    );
  };
  return {
    url,
    setMemoryAlarm: (on) => control('set_vm_memory_high_watermark', on ? '0' : '0.4'),
    limitLength: (pattern, lengthMax) =>
      control(
        'set_policy',
        'limit',
        pattern,
        `{"max-length":${lengthMax}}`,
        '--apply-to',
        'queues',
      ),
    close: () => guardian.stop(),
  };
}
