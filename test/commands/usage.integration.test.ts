import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { COMMANDS } from '../../src/commands/command-list.ts';
import { freePort } from '../../src/private-servers/free-port.ts';
import { openFlow } from '../flows/flow-fixture.ts';
import { MANY_STEPS_TIMEOUT_MS, runPulse, startPulse } from '../support/pulse-process.ts';
import { runInProcess } from '../support/run-in-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

/** All commands, and those of the groups. */
const NAMES = [
  ...Object.keys(COMMANDS),
  ...['up', 'down', 'status', 'env'].map((name) => `services ${name}`),
  ...['add', 'list', 'disable', 'enable', 'passwd'].map((name) => `users ${name}`),
  ...['create', 'list', 'revoke'].map((name) => `keys ${name}`),
];

test('the help of every command has an example that starts with its name', async () => {
  for (const command of NAMES) {
    const { exitCode, stdout, stderr } = await runInProcess([...command.split(' '), '--help']);
    expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: '' });
    expect(stdout).toContain(`Usage: pulse ${command} `);
    expect(stdout).toMatch(new RegExp(`Examples?:\n  \\$ (eval "\\$\\()?pulse ${command}`));
  }
  const { stdout } = await runPulse(['--help']);
  for (const command of NAMES) expect(stdout).toContain(`  ${command.split(' ')[0]!}`);
});

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(await runPulse(['--version'])).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
});

test.each([
  { wrong: 'a mistyped command', args: ['verfy'], says: 'verify' },
  { wrong: 'no command', args: [], says: 'Usage: pulse' },
  { wrong: 'an unknown option', args: ['flush', '--fast'], says: '--fast' },
  { wrong: 'text for a number', args: ['demo', '--pulses', 'many'], says: 'whole number' },
  { wrong: 'a number out of range', args: ['populate', '--workers', '0'], says: 'from 1 to 64' },
  {
    wrong: 'more pulses than a message may hold',
    args: ['populate', '--pulses-per-message', '1001'],
    says: 'from 1 to 1000',
  },
  { wrong: 'too many arguments', args: ['verify', 'twice'], says: 'too many arguments' },
  {
    wrong: 'no servers at all',
    args: ['flush'],
    says: 'RABBITMQ_URL, REDIS_URL and DATABASE_URL are not set',
  },
])('wrong usage ($wrong) ends with exit code 2 and a hint', async ({ args, says }) => {
  const { exitCode, stdout, stderr } = await runInProcess(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(says);
  expect(stderr).not.toMatch(/^ +at /m);
});

test('a wrong configuration ends with exit code 2 and names every mistake at once', async () => {
  const { exitCode, stderr } = await runPulse(['start'], {
    env: {
      RABBITMQ_URL: 'http://user:hunter2@rabbit:5672',
      REDIS_URL: 'redis://redis:6379',
      INGEST_THREADS: 'all',
      BATCH_SIZE: '1000',
      PREFETCH: '1500',
      FLUSH_CRON: 'hourly',
      API_PORT: '99999',
      FLUSH_ON_EXIT: 'perhaps',
      JWT_SECRET: 'hunter2',
      LOG_LEVEL: 'loud',
    },
  });
  expect(exitCode).toBe(2);
  for (const name of [
    'RABBITMQ_URL',
    'DATABASE_URL',
    'INGEST_THREADS',
    'PREFETCH',
    'FLUSH_CRON',
    'API_PORT',
    'FLUSH_ON_EXIT',
    'JWT_SECRET',
    'ADMIN_PASSWORD',
    'LOG_LEVEL',
  ]) {
    expect(stderr).toMatch(new RegExp(`^ .*${name}`, 'm'));
  }
  expect(stderr).not.toContain('hunter2');
});

test('all unavailable servers are named with variable and host, never the password, and the command exits with 1 in time', async () => {
  const [rabbit, redis, postgres] = [await freePort(), await freePort(), await freePort()];
  for (const command of ['start', 'verify']) {
    const { exitCode, stdout, stderr, seconds } = await runPulse([command], {
      env: {
        RABBITMQ_URL: `amqp://pulse:hunter2@127.0.0.1:${rabbit}`,
        REDIS_URL: `redis://:hunter2@127.0.0.1:${redis}`,
        DATABASE_URL: `postgres://pulse:hunter2@127.0.0.1:${postgres}/pulse`,
        START_TIMEOUT_SECONDS: '1',
        JWT_SECRET: 'x'.repeat(32),
        ADMIN_PASSWORD: 'hunter2 hunter2',
        API_PORT: '0',
        METRICS_PORT: '0',
      },
    });
    expect({ command, exitCode, stdout }).toEqual({ command, exitCode: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^pulse: RABBITMQ_URL: .*127\\.0\\.0\\.1:${rabbit}`, 'm'));
    expect(stderr).toMatch(new RegExp(`^pulse: REDIS_URL: .*127\\.0\\.0\\.1:${redis}`, 'm'));
    expect(stderr).toMatch(new RegExp(`^pulse: DATABASE_URL: .*127\\.0\\.0\\.1:${postgres}`, 'm'));
    expect(stderr).not.toContain('hunter2');
    // One second of waiting, with a margin for a busy machine. The default is 30 seconds.
    expect(seconds).toBeLessThan(20);
  }
});

test('a refused password is reported at once, and not shown', async () => {
  const flow = await openFlow();
  for (const name of ['RABBITMQ_URL', 'REDIS_URL', 'DATABASE_URL']) {
    const url = new URL(flow.env[name]!);
    url.password = 'hunter2';
    const { exitCode, stderr, seconds } = await flow.run(['worker'], { [name]: url.href });
    expect({ name, exitCode }).toEqual({ name, exitCode: 1 });
    expect(stderr).toContain(`pulse: ${name}: `);
    expect(stderr).toContain(url.host);
    expect(stderr).toMatch(/refuses/);
    expect(stderr).not.toContain('hunter2');
    expect(seconds).toBeLessThan(20);
  }
});

test('a signal stops waiting for servers', async () => {
  const port = await freePort();
  const waiting = startPulse(['worker'], {
    env: {
      RABBITMQ_URL: `amqp://127.0.0.1:${port}`,
      REDIS_URL: `redis://127.0.0.1:${port}`,
      DATABASE_URL: `postgres://127.0.0.1:${port}/pulse`,
      METRICS_PORT: '0',
    },
  });
  await waiting.printed('waiting for');
  waiting.signal('SIGINT');
  const { seconds } = await waiting.ended;
  expect(seconds).toBeLessThan(20);
});
