import { expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../../src/private-servers/free-port.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS, runPulse, startPulse } from '../support/pulse-process.ts';
import { makeTraffic, openFlow, toMessage, type Flow } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const MARKER = 'geheimnis';
/** Every variable that holds a secret. URLs and JSON encode `@` and `"` differently. */
const SECRETS = {
  JWT_SECRET: `${MARKER}-of-the-tokens-"with"-quotes`,
  ADMIN_PASSWORD: `${MARKER}-of-the-admin`,
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${MARKER}-of-the-collector`,
};

const OUTAGE_MS = 12_000;

/** Counts the lines of a level that report outages; for `info`, those that report their end. */
function numberOf(output: string, level: number): number {
  return linesOf(output).filter(
    (line) =>
      line.level === level &&
      // It ends with the connection on which the pulses are held, and logs no end.
      !String(line.msg).startsWith('dead letters cannot be published') &&
      (level > 30 || String(line.msg).includes(' again')),
  ).length;
}

/** The JSON lines as objects; other lines are for people. */
function linesOf(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const SERVER_VARIABLES = ['RABBITMQ_URL', 'REDIS_URL', 'DATABASE_URL'] as const;

/** Proxies in front of the three servers, and the variables that lead through them. */
async function openCables(flow: Flow) {
  const proxies = await Promise.all(SERVER_VARIABLES.map((name) => startTcpProxy(flow.env[name]!)));
  onTestFinished(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
  });
  const behindCables = Object.fromEntries(
    SERVER_VARIABLES.map((name, index) => [name, proxies[index]!.url]),
  );
  return { proxies, behindCables };
}

test('when servers are unavailable or refuse the password, no output has a secret, at any log level', async () => {
  const password = encodeURIComponent(`${MARKER}@"/`);
  const port = await freePort();
  const flow = await openFlow();
  const refusing = Object.fromEntries(
    ['RABBITMQ_URL', 'REDIS_URL', 'DATABASE_URL'].map((name) => {
      const url = new URL(flow.env[name]!);
      url.password = password;
      return [name, url.href];
    }),
  );
  const absent = {
    RABBITMQ_URL: `amqp://pulse:${password}@127.0.0.1:${port}`,
    REDIS_URL: `redis://:${password}@127.0.0.1:${port}`,
    DATABASE_URL: `postgres://pulse:${password}@127.0.0.1:${port}/pulse`,
  };
  const runs = [absent, refusing].map(async (servers) => {
    for (const command of ['start', 'api', 'worker', 'doctor', 'status', 'flush', 'migrate']) {
      const { exitCode, stdout, stderr } = await runPulse([command], {
        env: {
          ...SECRETS,
          ...servers,
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://u:${password}@127.0.0.1:${port}`,
          START_TIMEOUT_SECONDS: '1',
          LOG_LEVEL: 'trace',
          API_PORT: '0',
          METRICS_PORT: '0',
        },
      });
      expect({ command, exitCode }).toEqual({ command, exitCode: 1 });
      expect(stdout + stderr, command).not.toContain(MARKER);
    }
  });
  await Promise.all(runs);
});

test('when servers fail and come back, no output has a secret, and no line is logged more than once per batch', async () => {
  const flow = await openFlow({ ...SECRETS, LOG_LEVEL: 'trace' });
  await flow.flush();
  const { proxies, behindCables } = await openCables(flow);
  const system = await flow.start('start', {
    ...behindCables,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    FLUSH_ON_EXIT: 'true',
  });
  await flow.producer.publish(makeTraffic(2_000, 'before').map(toMessage));
  await flow.settled({ counted: 1_800 });
  for (const proxy of proxies) proxy.cut();
  await eventually(() => system.output).toContain('rabbitmq connection lost');
  await fetch(`${system.ready.api!}/health/ready`);
  await fetch(`${system.ready.api!}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: `${MARKER} wrong` }),
  });
  for (const proxy of proxies) proxy.heal();
  await flow.producer.publish(makeTraffic(500, 'after').map(toMessage));
  await flow.settled({ counted: 2_200 });
  system.signal('SIGTERM');
  const { exitCode, stdout, stderr } = await system.ended;
  expect(exitCode).toBe(0);
  const secrets = SERVER_VARIABLES.map((name) => new URL(flow.env[name]!).password).filter(
    (one) => one !== '',
  );
  expect(secrets).not.toEqual([]);
  for (const secret of [MARKER, ...secrets]) expect(stdout + stderr).not.toContain(secret);

  const settled = linesOf(stderr).filter(
    (line) => line.msg === 'batch settled' && 'appended' in line,
  );
  expect(settled.length).toBeGreaterThan(0);
  for (const line of settled)
    expect(line).toMatchObject({ level: 20, threadId: expect.any(Number) as number });
  const ids = settled.map(({ threadId, batchId }) => `${String(threadId)} ${String(batchId)}`);
  expect(new Set(ids).size).toBe(ids.length);
  const requests = linesOf(stderr).filter((line) => line.msg === 'request answered');
  for (const { requestId } of requests) expect(requestId).toMatch(/^[\w-]{36}$/);
  expect(stderr.trimEnd().slice(-1500)).toMatch(/Stopped\.$/);
});

test('each connection logs an outage twice, when it begins and when it ends, without stack traces', async () => {
  const flow = await openFlow({ LOG_LEVEL: 'info' });
  await flow.flush();
  const { proxies, behindCables } = await openCables(flow);
  const system = await flow.start('start', behindCables);
  await flow.producer.publish(makeTraffic(500, 'before').map(toMessage));
  await flow.settled({ counted: 400 });
  const atStart = linesOf(system.output).filter(({ server }) => server !== undefined);
  expect(atStart.map(({ server }) => new URL(String(server)).host).sort()).toEqual(
    proxies.map(({ url }) => new URL(url).host).sort(),
  );

  const statusOf = async () => (await fetch(`${system.ready.metrics}/health/ready`)).status;
  const outageStartMs = performance.now();
  for (const proxy of proxies) proxy.cut();
  // Long enough for many attempts of each connection, and many health checks.
  await eventually(
    async () => ({
      status: await statusOf(),
      isLong: performance.now() - outageStartMs > OUTAGE_MS,
    }),
    { timeout: 2 * OUTAGE_MS, interval: 500 },
  ).toEqual({ status: 503, isLong: true });
  for (const proxy of proxies) proxy.heal();
  await flow.producer.publish(makeTraffic(500, 'after').map(toMessage));
  await flow.settled({ counted: 900 });
  await eventually(statusOf, { timeout: 30_000 }).toBe(200);
  // Connections come back within seconds, and each watch checks every few seconds.
  await eventually(() => numberOf(system.output, 40) - numberOf(system.output, 30), {
    timeout: 40_000,
  }).toBe(0);
  const told = linesOf(system.output).filter(({ level }) => Number(level) >= 40);
  const subjects = told.map(({ msg, server, session, client, pool, watch, name, task }) =>
    JSON.stringify({ msg, server, session, client, pool, watch, name, task }),
  );
  expect(subjects.length).toBeGreaterThan(10);
  expect(subjects).toEqual([...new Set(subjects)]);
  for (const text of ['rabbitmq', 'redis', 'postgres']) {
    expect(subjects.filter((subject) => subject.includes(`${text} connection`))).not.toEqual([]);
  }
  expect(system.output).not.toContain('    at ');
});

test('SIGUSR2 turns debug logs on and off, in the ingest threads too', async () => {
  const flow = await openFlow({ LOG_LEVEL: 'warn' });
  const worker = await flow.start('worker');
  const countPulses = async (runId: string, counted: number) => {
    await flow.producer.publish(makeTraffic(100, runId).map(toMessage));
    await flow.settled({ counted });
  };
  await countPulses('quiet', 90);
  expect(worker.output).not.toContain('batch settled');
  worker.signal('SIGUSR2');
  await worker.printed('"level":"debug","msg":"log level changed"');
  await countPulses('loud', 180);
  await worker.printed('batch settled');
  worker.signal('SIGUSR2');
  await worker.printed('"level":"warn","msg":"log level changed"');
  const before = worker.output.split('batch settled').length;
  await countPulses('quiet again', 270);
  expect(worker.output.split('batch settled')).toHaveLength(before);
});

test('a start logs once what it waits for, and once what it migrates', async () => {
  const flow = await openFlow({ LOG_LEVEL: 'info' });
  const port = await freePort();
  const waiting = startPulse(['worker'], {
    env: { ...flow.env, DATABASE_URL: `postgres://127.0.0.1:${port}/pulse`, LOG_LEVEL: 'info' },
  });
  await waiting.printed('"msg":"waiting for a server"');
  expect(linesOf(waiting.output).find(({ msg }) => msg === 'waiting for a server')).toMatchObject({
    server: `postgres://127.0.0.1:${port}/pulse`,
    giveUpSeconds: 30,
  });
  const worker = await flow.start('worker');
  worker.signal('SIGTERM');
  const { stderr } = await worker.ended;
  expect(stderr).toContain('Stopping');
  // The test's database was already migrated.
  expect(stderr).not.toContain('database migrated');
});
