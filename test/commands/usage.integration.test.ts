import { expect, test, vi } from 'vitest';
import { freePort } from '../../src/private-servers/free-port.ts';
import { openFlow } from '../flows/flow-fixture.ts';
import { MANY_STEPS_TIMEOUT_MS, runPulse, startPulse } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const COMMANDS = [
  'start',
  'api',
  'worker',
  'migrate',
  'flush',
  'populate',
  'verify',
  'doctor',
  'status',
  'pause',
  'resume',
  'recover',
  'services',
  'services up',
  'services down',
  'services status',
  'services env',
  'demo',
];

test('every command explains itself with an example that starts with its own name', async () => {
  for (const command of COMMANDS) {
    const { exitCode, stdout, stderr } = await runPulse([...command.split(' '), '--help']);
    expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: '' });
    expect(stdout).toContain(`Usage: pulse ${command} `);
    expect(stdout).toMatch(new RegExp(`Examples?:\n  \\$ (eval "\\$\\()?pulse ${command}`));
  }
  const { stdout } = await runPulse(['--help']);
  for (const command of COMMANDS) expect(stdout).toContain(`  ${command.split(' ')[0]!}`);
});

test.each([
  { wrong: 'a mistyped command', args: ['verfy'], says: 'verify' },
  { wrong: 'no command', args: [], says: 'Usage: pulse' },
  { wrong: 'an unknown option', args: ['flush', '--fast'], says: '--fast' },
  { wrong: 'no number', args: ['demo', '--pulses', 'many'], says: 'whole number' },
  { wrong: 'a number out of range', args: ['populate', '--workers', '0'], says: 'from 1 to 64' },
  { wrong: 'too many arguments', args: ['verify', 'twice'], says: 'too many arguments' },
  {
    wrong: 'no servers at all',
    args: ['flush'],
    says: 'RABBITMQ_URL, REDIS_URL and DATABASE_URL are not set',
  },
])('wrong usage ($wrong) ends with exit code 2 and a hint', async ({ args, says }) => {
  const { exitCode, stdout, stderr } = await runPulse(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(says);
  expect(stderr).not.toMatch(/^ +at /m);
});

test('a wrong configuration ends with exit code 2, and every mistake is named at once', async () => {
  const { exitCode, stderr } = await runPulse(['start'], {
    env: {
      RABBITMQ_URL: 'http://user:geheim@rabbit:5672',
      REDIS_URL: 'redis://redis:6379',
      INGEST_THREADS: 'all',
      BATCH_SIZE: '1000',
      PREFETCH: '1500',
      FLUSH_CRON: 'hourly',
      API_PORT: '99999',
      FLUSH_ON_EXIT: 'perhaps',
      JWT_SECRET: 'geheim',
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
  expect(stderr).not.toContain('geheim');
});

test('servers that are away are all named with variable and host, never the password; exit 1 in time', async () => {
  const [rabbit, redis, postgres] = [await freePort(), await freePort(), await freePort()];
  for (const command of ['start', 'verify']) {
    const { exitCode, stdout, stderr, seconds } = await runPulse([command], {
      env: {
        RABBITMQ_URL: `amqp://pulse:geheim@127.0.0.1:${rabbit}`,
        REDIS_URL: `redis://:geheim@127.0.0.1:${redis}`,
        DATABASE_URL: `postgres://pulse:geheim@127.0.0.1:${postgres}/pulse`,
        START_TIMEOUT_SECONDS: '1',
        JWT_SECRET: 'x'.repeat(32),
        ADMIN_PASSWORD: 'geheim geheim',
        API_PORT: '0',
        METRICS_PORT: '0',
      },
    });
    expect({ command, exitCode, stdout }).toEqual({ command, exitCode: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^pulse: RABBITMQ_URL: .*127\\.0\\.0\\.1:${rabbit}`, 'm'));
    expect(stderr).toMatch(new RegExp(`^pulse: REDIS_URL: .*127\\.0\\.0\\.1:${redis}`, 'm'));
    expect(stderr).toMatch(new RegExp(`^pulse: DATABASE_URL: .*127\\.0\\.0\\.1:${postgres}`, 'm'));
    expect(stderr).not.toContain('geheim');
    // One second of waiting; the rest is a busy machine. The default would be 30.
    expect(seconds).toBeLessThan(20);
  }
});

test('a refused password is said at once, and not shown', async () => {
  const flow = await openFlow();
  for (const name of ['RABBITMQ_URL', 'REDIS_URL', 'DATABASE_URL']) {
    const url = new URL(flow.env[name]!);
    url.password = 'geheim';
    const { exitCode, stderr, seconds } = await flow.run(['worker'], { [name]: url.href });
    expect({ name, exitCode }).toEqual({ name, exitCode: 1 });
    expect(stderr).toContain(`pulse: ${name}: `);
    expect(stderr).toContain(url.host);
    expect(stderr).toMatch(/refuses/);
    expect(stderr).not.toContain('geheim');
    expect(seconds).toBeLessThan(20);
  }
});

test('a signal ends the waiting for servers', async () => {
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
