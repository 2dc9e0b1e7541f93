import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { ReadyLine } from '../flows/flow-fixture.ts';
import { eventually } from '../support/eventually.ts';
import {
  MANY_STEPS_TIMEOUT_MS,
  runForJson,
  runPulse,
  startPulse,
} from '../support/pulse-process.ts';
import { noProcessIsLeft, openDirectory, processesOf } from './left-behind.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const OWN_PORTS = { API_PORT: '0', METRICS_PORT: '0', LOG_LEVEL: 'warn' };

/** Where the data is kept. */
const KEPT = '.pulse/services';

interface ServicesEnv {
  readonly RABBITMQ_URL: string;
  readonly REDIS_URL: string;
  readonly DATABASE_URL: string;
}

test('services run until they are stopped, and every command in the folder finds them', async () => {
  const cwd = openDirectory();
  const env = OWN_PORTS;
  const down = () => runPulse(['services', 'down', '--json'], { cwd });
  try {
    const first = await runForJson<ServicesEnv & { started: boolean }>(
      ['services', 'up', '--json'],
      { cwd },
    );
    expect(first.started).toBe(true);
    expect(processesOf(cwd)).not.toEqual([]);
    expect(realpathSync(join(cwd, KEPT, 'postgres'))).toBe(join(cwd, KEPT, 'postgres'));
    const second = await runForJson<typeof first>(['services', 'up', '--json'], { cwd });
    expect(second).toEqual({ ...first, started: false });

    const status = await runPulse(['services', 'status'], { cwd });
    expect(status.exitCode).toBe(0);
    expect(status.stdout).toContain(new URL(first.REDIS_URL).host);
    expect(status.stdout).not.toContain(new URL(first.REDIS_URL).password);

    const shell = await runPulse(['services', 'env'], { cwd });
    expect(shell.stdout).toBe(
      ['RABBITMQ_URL', 'REDIS_URL', 'DATABASE_URL']
        .map((name) => `export ${name}='${first[name as keyof ServicesEnv]}'\n`)
        .join(''),
    );

    const system = startPulse(['start', '--json'], { cwd, env });
    const ready = JSON.parse(await system.firstLine()) as ReadyLine;
    expect(ready).toMatchObject({
      rabbitmq: first.RABBITMQ_URL,
      redis: first.REDIS_URL,
      postgres: first.DATABASE_URL,
      username: 'admin',
    });
    await runForJson(['populate', '--total', '300', '--json'], { cwd, env });
    expect(await runPulse(['doctor'], { cwd, env })).toMatchObject({ exitCode: 0 });
    system.signal('SIGTERM');
    expect((await system.ended).exitCode).toBe(0);
    // They belong to `up`, not to the system that used them.
    expect(await runForJson(['verify', '--json'], { cwd, env })).toMatchObject({ drift: 0 });
  } finally {
    expect(await down()).toMatchObject({ exitCode: 0, stdout: '{"outcome":"stopped"}\n' });
  }
  expect(await down()).toMatchObject({ exitCode: 0, stdout: '{"outcome":"not_running"}\n' });
  expect(await runPulse(['services', 'status', '--json'], { cwd })).toMatchObject({
    exitCode: 1,
    stdout: '{"running":false}\n',
  });
  expect((await runPulse(['services', 'env'], { cwd })).exitCode).toBe(1);
  await noProcessIsLeft(cwd);
});

test('a system without URLs starts private servers, shares them with the folder, and stops them at its end', async () => {
  const cwd = openDirectory();
  const env = OWN_PORTS;
  const system = startPulse(['start'], { cwd, env });
  await system.printed('Pulse is running');
  expect(await runForJson(['verify', '--json'], { cwd, env })).toMatchObject({ counted: 0 });
  const down = await runPulse(['services', 'down'], { cwd });
  expect(down).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining(`process ${system.pid}`) as string,
  });
  system.signal('SIGINT');
  expect((await system.ended).exitCode).toBe(0);
  await noProcessIsLeft(cwd);
  // The data stays for the next start.
  expect(readdirSync(join(cwd, KEPT))).toContain('redis');
});

interface ServicesStatus {
  readonly running: boolean;
  readonly servers: Record<string, string>;
  readonly processes: Record<string, number | null>;
}

test('status checks the servers instead of trusting a file, and up waits until all of them answer', async () => {
  const cwd = openDirectory();
  const status = () => runPulse(['services', 'status', '--json'], { cwd });
  const statusNow = async () => JSON.parse((await status()).stdout) as ServicesStatus;
  try {
    await runForJson(['services', 'up', '--json'], { cwd });
    const healthy = await statusNow();
    const answering = { rabbitmq: 'answering', redis: 'answering', postgres: 'answering' };
    expect(healthy).toMatchObject({ running: true, servers: answering });
    // Its process is alive, so it is not restarted.
    process.kill(healthy.processes.redis!, 'SIGSTOP');
    const hung = await status();
    expect(hung.exitCode).toBe(1);
    expect(JSON.parse(hung.stdout)).toMatchObject({
      running: false,
      servers: { ...answering, redis: 'silent' },
    });
    const shown = await runPulse(['services', 'status'], { cwd });
    expect(shown).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('Not answering: redis.') as string,
    });
    process.kill(healthy.processes.redis!, 'SIGCONT');

    process.kill(healthy.processes.rabbitmq!, 'SIGKILL');
    const up = await runPulse(['services', 'up'], { cwd });
    expect(up).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('The servers are running.') as string,
      stderr: expect.stringContaining('Not answering: rabbitmq.') as string,
    });
    expect(await statusNow()).toMatchObject({ running: true, servers: answering });
  } finally {
    await runPulse(['services', 'down'], { cwd });
  }
  await noProcessIsLeft(cwd);
});

test.each(['SIGINT', 'SIGKILL'] as const)(
  'of two systems in one folder, the second survives the end of the first by %s, and its own SIGKILL leaves nothing behind',
  async (signal) => {
    const cwd = openDirectory();
    const env = OWN_PORTS;
    const first = startPulse(['start'], { cwd, env });
    await first.printed('Pulse is running');
    const second = startPulse(['start'], { cwd, env });
    await second.printed('Pulse is running');
    first.signal(signal);
    await first.ended;
    if (signal === 'SIGINT') {
      expect(first.output).toContain('other commands in this folder use them');
    }
    await eventually(() => runPulse(['services', 'down'], { cwd })).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining(`process ${second.pid}`) as string,
    });
    const status = await runForJson<ServicesStatus>(['services', 'status', '--json'], { cwd });
    expect(status.running).toBe(true);
    await runForJson(['populate', '--total', '300', '--json'], { cwd, env });
    expect(await runForJson(['verify', '--json'], { cwd, env })).toMatchObject({ drift: 0 });
    expect(second.hasEnded).toBe(false);
    second.signal('SIGKILL');
    await noProcessIsLeft(cwd);
  },
);
