import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newSecretKeys } from '../../src/delivery/secret-box.ts';
import { freePort } from '../../src/private-servers/free-port.ts';
import { loginToApi } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import {
  MANY_STEPS_TIMEOUT_MS,
  runForJson,
  runPulse,
  startPulse,
  temporaryDirectory,
} from '../support/pulse-process.ts';
import { readCompose } from './compose-file.ts';
import { makeImageFolder, type ImageFolder } from './image-folder.ts';
import { kustomize } from './kustomize.ts';
import { podTemplates } from './pod-templates.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS, hookTimeout: MANY_STEPS_TIMEOUT_MS });

const PASSWORD = 'a password of the image';
const PULSE_COUNT = 2_000;
let image: ImageFolder;
let servers: IsolatedServices;

beforeAll(async () => {
  image = makeImageFolder();
  servers = await isolatedServices();
});
afterAll(async () => {
  await servers.close();
  image.remove();
});

test('the image contains what production needs and nothing else', () => {
  expect(readdirSync(image.app).sort()).toEqual([
    'dist',
    'migrations',
    'node_modules',
    'package.json',
  ]);
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Readonly<Record<string, LockedPackage>>;
  };
  const isThere = ([path]: readonly [string, unknown]) => existsSync(join(image.app, path));
  // Without the root and its workspaces, because no package depends on them.
  const all = Object.entries(packages).filter(
    ([path, { link }]) => path.startsWith('node_modules/') && link !== true,
  );
  expect(all.filter(([, { dev }]) => dev === true).filter(isThere)).toEqual([]);
  const needed = all.filter(([, one]) => !(one.dev ?? one.optional ?? one.devOptional ?? false));
  expect(needed.length).toBeGreaterThan(50);
  expect(needed.filter((one) => !isThere(one))).toEqual([]);
  const client = join(image.app, 'node_modules/@pulse-metering/client');
  expect(lstatSync(client, { throwIfNoEntry: false })).toBeUndefined();
});

test('its entry command migrates, counts and answers, as an ordinary user without write access', async () => {
  const apiPort = await freePort();
  const metricsPorts = {
    api: await freePort(),
    worker: await freePort(),
    processor: await freePort(),
    enricher: await freePort(),
    sender: await freePort(),
    exporter: await freePort(),
  };
  const { program, app } = image;
  const shared = { PULSE_QUEUE: servers.queue, EXPORT_DIR: ownFolder(), ...secretFiles() };
  const options = (env: Readonly<Record<string, string>>) => ({
    program,
    cwd: app,
    env: { NODE_ENV: 'production', ...shared, ...env },
  });
  const before = filesOf(app);

  expect(await runPulse(['migrate'], options({}))).toMatchObject({ exitCode: 0 });
  const started = Object.entries(metricsPorts).map(([name, port]) =>
    startPulse([name], options({ API_PORT: String(apiPort), METRICS_PORT: String(port) })),
  );

  // The health checks of compose and the probes of Kubernetes, on the ports that these processes have here.
  const { services } = readCompose(ANY_SECRETS);
  const { worker, processor, enricher, sender, exporter } = metricsPorts;
  const ports = new Map(
    Object.entries({ api: apiPort, worker, processor, enricher, sender, exporter }),
  );
  const healthCheck = (name: string, usual: number, port: number) => () => {
    const [, , , script = ''] = services[name]?.healthcheck?.test ?? [];
    expect(script).toContain(`:${usual}/`);
    const ours = script.replace(`:${usual}/`, `:${port}/`);
    return spawnSync(process.execPath, ['-e', ours]).status;
  };
  for (const [name, port] of ports) {
    await eventually(healthCheck(name, name === 'api' ? 3_000 : 9_464, port)).toBe(0);
  }
  for (const { labels, pod } of podTemplates(kustomize('deploy/k8s/base'))) {
    const port = ports.get(labels['app.kubernetes.io/component'] ?? '') ?? 0;
    const [container] = pod.containers;
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
      const path = container?.[probe]?.httpGet?.path;
      if (path === undefined) continue;
      const { status } = await fetch(`http://127.0.0.1:${port}${path}`);
      expect({ path, status }).toEqual({ path, status: 200 });
    }
  }

  const client = await loginToApi({
    api: `http://127.0.0.1:${apiPort}`,
    username: 'admin',
    password: PASSWORD,
  });
  await client.post('/pulses/populate', {
    total_messages: PULSE_COUNT,
    workers_number: 1,
    buffer_size: 500,
  });
  const settled = async () => {
    const books = await runForJson<Books>(['verify', '--json'], options({}));
    return books.counted + books.duplicates + books.dead_letters;
  };
  await eventually(settled, { timeout: 60_000 }).toBe(PULSE_COUNT);
  await runForJson(['flush', '--json'], options({}));
  const books = await runForJson<Books>(['verify', '--json'], options({}));
  expect(books).toMatchObject({ flushed: books.counted, live: 0, drift: 0 });
  const rows = await client.rows({ limit: '1000' });
  expect(rows.reduce((sum, row) => sum + row.pulse_count, 0)).toBe(books.flushed);

  for (const running of started) running.signal('SIGTERM');
  for (const { ended } of started) expect(await ended).toMatchObject({ exitCode: 0 });
  expect(filesOf(app)).toEqual(before);
});

test('without arguments it starts everything', async () => {
  expect(image.command).toEqual(['start']);
  const checked = await runPulse([...image.command, '--check-config'], {
    program: image.program,
    cwd: image.app,
    env: secretFiles(),
  });
  expect(checked).toMatchObject({ exitCode: 0, stdout: 'The configuration is valid.\n' });
});

interface LockedPackage {
  readonly dev?: true;
  readonly optional?: true;
  readonly devOptional?: true;
  readonly link?: true;
}

interface Books {
  readonly counted: number;
  readonly duplicates: number;
  readonly dead_letters: number;
  readonly flushed: number;
  readonly live: number;
  readonly drift: number;
}

const ANY_SECRETS = {
  ADMIN_PASSWORD: 'x',
  JWT_SECRET: 'x',
  RABBITMQ_PASSWORD: 'x',
  REDIS_PASSWORD: 'x',
  POSTGRES_PASSWORD: 'x',
  GRAFANA_PASSWORD: 'x',
  WEBHOOK_SECRET_KEYS: 'x',
};

/** Every secret as a mounted file that only the image's user can read, as in Kubernetes. */
/** A folder that the user of the image may write to, as a mounted volume is. */
function ownFolder(): string {
  const folder = temporaryDirectory();
  const { uid, gid } = image.program.user ?? {};
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

function secretFiles(): Record<string, string> {
  const folder = ownFolder();
  const { uid, gid } = image.program.user ?? {};
  const secrets = {
    RABBITMQ_URL: servers.rabbitmqUrl,
    REDIS_URL: servers.redisUrl,
    DATABASE_URL: servers.databaseUrl,
    JWT_SECRET: 'a signing secret of 32 characters or more',
    ADMIN_PASSWORD: PASSWORD,
    WEBHOOK_SECRET_KEYS: newSecretKeys(),
  };
  return Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => {
      const path = join(folder, name);
      writeFileSync(path, value);
      if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
      chmodSync(path, 0o400);
      return [`${name}_FILE`, path];
    }),
  );
}

function filesOf(folder: string): string {
  return execFileSync('find', [folder, '-newermt', '2000-01-01'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
}
