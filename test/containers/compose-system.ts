/**
 * The system of the compose file, run by podman: our image built from the Dockerfile, and Debian's servers in place
 * of the official images, each with the limits and restrictions of the file.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { readCompose, type ComposeFile } from '../deploy/compose-file.ts';
import { eventually } from '../support/eventually.ts';
import { containerOptions } from './container-options.ts';
import { createEngine, ULIMITS, type Engine } from './engine.ts';
import { STAND_IN_COMMANDS, WORK_FOLDERS } from './stand-in-servers.ts';
import './images.ts';

const images = inject('images');
const SERVERS = ['rabbitmq', 'redis', 'postgres'] as const;
const OURS = ['worker', 'api', 'processor', 'enricher', 'sender'] as const;
type Service = (typeof SERVERS)[number] | (typeof OURS)[number];

const PULSES = 20_000;
/** All containers share one network, in which only one of them can have each port. */
const METRICS_PORTS: Partial<Record<Service, number>> = {
  worker: 9464,
  api: 9465,
  processor: 9466,
  enricher: 9467,
  sender: 9468,
};
/** A busy machine starts a broker slowly. */
const HEALTHY_TIMEOUT_MS = 100_000;

describe.skipIf(typeof images === 'string')('the system of the compose file', () => {
  const run = `pulse-test-${randomUUID().slice(0, 8)}`;
  const directory = mkdtempSync(join(tmpdir(), `${run}-`));
  let engine: Engine;
  let compose: ComposeFile;
  const nameOf = (service: Service | 'network') => `${run}-${service}`;
  const podman = (...args: string[]) => engine.podman(args);
  const inside = (service: Service, ...command: string[]) =>
    podman('exec', nameOf(service), ...command);
  const pulse = async (service: Service, ...args: string[]) =>
    JSON.parse(await inside(service, 'node', 'dist/main.js', ...args, '--json')) as Record<
      string,
      unknown
    >;

  /** Every container shares the loopback interface of this one and has no other, so no port of the machine is used. */
  async function openNetwork(image: string): Promise<void> {
    writeFileSync(join(directory, 'hosts'), `127.0.0.1 localhost ${SERVERS.join(' ')}\n`);
    const name = nameOf('network');
    const options = ['--detach', '--name', name, '--network=none', ...ULIMITS];
    await podman('run', ...options, image, 'sleep', 'infinity');
  }

  async function start(
    service: Service,
    image: string,
    env: readonly string[] = [],
  ): Promise<void> {
    const given = compose.services[service]!;
    const workFolder = WORK_FOLDERS[service];
    await podman(
      ...['run', '--detach', '--name', nameOf(service), `--network=container:${nameOf('network')}`],
      ...['--no-hosts', `--volume=${join(directory, 'hosts')}:/etc/hosts:ro`],
      ...containerOptions(given),
      ...env.map((one) => `--env=${one}`),
      ...(workFolder === undefined ? [] : [`--workdir=${workFolder}`]),
      ...[image, ...(given.command ?? STAND_IN_COMMANDS[service] ?? [])],
    );
  }

  /** Waits until the file's own health check passes. */
  async function healthy(service: Service): Promise<void> {
    const [kind, ...command] = compose.services[service]!.healthcheck!.test;
    expect(kind).toBe('CMD');
    const port = METRICS_PORTS[service];
    let complaint = '';
    const passes = () =>
      inside(service, ...command.map((word) => word.replace(':9464/', `:${port}/`))).then(
        () => true,
        (error: unknown) => {
          complaint = String(error);
          return false;
        },
      );
    try {
      await eventually(passes, { timeout: HEALTHY_TIMEOUT_MS, interval: 500 }).toBe(true);
    } catch (error) {
      const logs = await podman('logs', '--tail', '40', nameOf(service));
      throw new Error(`${service} is not healthy: ${complaint}\n${logs}`, { cause: error });
    }
  }

  beforeAll(async () => {
    if (typeof images === 'string') return;
    engine = createEngine(images.cacheFolder);
    compose = readCompose(freshSecrets());
    await openNetwork(images.servers);
    await Promise.all(SERVERS.map((service) => start(service, images.servers)));
  });
  afterAll(async () => {
    const remove = ['rm', '--force', '--volumes', '--ignore', '--time', '0'];
    await podman(...remove, ...[...OURS, ...SERVERS].map(nameOf));
    // podman refuses while other containers use it.
    await podman(...remove, nameOf('network'));
    rmSync(directory, { recursive: true });
  });

  test('the servers become healthy under their limits', async () => {
    await Promise.all(SERVERS.map(healthy));
  });

  test('our services become healthy', async () => {
    if (typeof images === 'string') return;
    for (const service of OURS) {
      await start(service, images.pulse, [`METRICS_PORT=${METRICS_PORTS[service]}`]);
    }
    await Promise.all(OURS.map(healthy));
  });

  test.each([...OURS, ...SERVERS])(
    '%s runs without root, capabilities and writable folders',
    async (service) => {
      const { user = '' } = compose.services[service]!;
      const status = await inside(service, 'cat', '/proc/1/status');
      expect(status).toMatch(/^CapEff:\s0+$/m);
      expect(status).toMatch(/^CapBnd:\s0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\s1$/m);
      const uid = await inside(service, 'id', '--user', user);
      expect(uid).not.toBe('0');
      expect(status).toMatch(new RegExp(`^Uid:\\s${uid}\\s${uid}\\s`, 'm'));
      const write =
        'for at in / /app /etc /usr/bin /var/tmp; do touch $at/x 2>/dev/null && echo $at; done; true';
      expect(await inside(service, 'sh', '-c', write)).toBe('');
    },
  );

  test.each([...OURS, ...SERVERS])(
    '%s has the limits of memory and processes that the file sets',
    async (service) => {
      const { mem_limit = '', pids_limit } = compose.services[service]!;
      expect(await limitOf(service, 'memory/memory.limit_in_bytes', 'memory.max')).toBe(
        String(toBytes(mem_limit)),
      );
      expect(await limitOf(service, 'pids/pids.max', 'pids.max')).toBe(String(pids_limit));
    },
  );

  /** Reads the files of control groups, version 1 or 2. */
  const limitOf = (service: Service, ...files: [string, string]) =>
    inside(service, 'sh', '-c', `cd /sys/fs/cgroup && cat ${files.join(' ')} 2>/dev/null || true`);

  test('pulses are published, counted once, flushed, and the books balance', async () => {
    const populated = await pulse('worker', 'populate', '--total', String(PULSES));
    expect(populated).toMatchObject({ state: 'completed', confirmed: PULSES });
    const taken = async () => {
      const { counted, duplicates, dead_letters: deadLetters } = await pulse('worker', 'verify');
      return Number(counted) + Number(duplicates) + Number(deadLetters);
    };
    await eventually(taken, { timeout: 60_000, interval: 500 }).toBe(PULSES);
    await pulse('worker', 'flush');
    const books = await pulse('worker', 'verify');
    expect(books).toMatchObject({ counted: PULSES, live: 0, sealed: 0, drift: 0, balanced: true });
    expect(await pulsesByApi()).toBe(PULSES);
  });

  /** How many pulses the API's usage sums up to, requested inside the API's container. */
  async function pulsesByApi(): Promise<number> {
    const script = `
      const api = 'http://127.0.0.1:3000/api/v1';
      const body = JSON.stringify({ username: process.env.ADMIN_USERNAME, password: process.env.ADMIN_PASSWORD });
      const headers = { 'content-type': 'application/json' };
      const login = await fetch(api + '/login', { method: 'POST', body, headers });
      const { Auth } = await login.json();
      const usage = await fetch(api + '/usage?limit=1000', { headers: { authorization: 'Bearer ' + Auth.Token } });
      const { data } = await usage.json();
      console.log(data.reduce((sum, row) => sum + row.pulse_count, 0));`;
    return Number(await inside('api', 'node', '--input-type=module', '--eval', script));
  }

  test.each(OURS)('%s exits with 0 on SIGTERM, long before it would be killed', async (service) => {
    const startedMs = performance.now();
    await podman('stop', '--time', '60', nameOf(service));
    expect(performance.now() - startedMs).toBeLessThan(50_000);
    const code = await podman('inspect', '--format', '{{ .State.ExitCode }}', nameOf(service));
    expect(code).toBe('0');
  });

  test.each(SERVERS)('%s ends in time on its stop signal', async (service) => {
    await podman('stop', '--time', '60', nameOf(service));
    const state = await podman('inspect', '--format', '{{ .State.ExitCode }}', nameOf(service));
    // 137 is SIGKILL.
    expect(state).not.toBe('137');
  });
});

test.runIf(typeof images === 'string')('is skipped with a reason', () => {
  expect(images).not.toBe('');
});

function freshSecrets(): Record<string, string> {
  const lines = execFileSync('sh', ['deploy/new-compose-env.sh'], { encoding: 'utf8' });
  return Object.fromEntries(
    [...lines.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}

function toBytes(text: string): number {
  const [, size = '', unit = ''] = /^(\d+)([mg])$/.exec(text) ?? [];
  return Number(size) * (unit === 'g' ? 1024 ** 3 : 1024 ** 2);
}
