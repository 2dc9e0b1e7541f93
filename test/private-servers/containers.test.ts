import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createContainerServer } from '../../src/private-servers/containers.ts';
import {
  createSettings,
  type InstanceSettings,
} from '../../src/private-servers/instance-settings.ts';
import { createSupervisor } from '../../src/private-servers/supervisor.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulse-test-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Fakes the engine's program: records its calls. Like the real one, `run` lasts until `kill` or `rm`. */
function fakeEngine(): string {
  const program = join(folder, 'docker');
  writeFileSync(
    program,
    `#!/bin/sh
echo "$@" >> '${folder}/calls'
env > "${folder}/env-of-$1"
case $1 in
run) echo $$ > '${folder}/pid'; exec sleep 600 ;;
kill | rm) test -e '${folder}/pid' && kill -9 "$(cat '${folder}/pid')"; rm -f '${folder}/pid' ;;
esac
`,
  );
  chmodSync(program, 0o755);
  return program;
}

function redisInContainer(settings: InstanceSettings) {
  return createContainerServer({
    name: 'redis',
    program: fakeEngine(),
    directory: folder,
    path: '/usr/bin:/bin',
    port: 20_001,
    settings,
  });
}

test('a container is started, signalled and removed through its engine, and then its volume', async () => {
  const settings = createSettings();
  const { processes, url } = redisInContainer(settings);
  expect(url).toBe(`redis://:${settings.passwords.redis}@127.0.0.1:20001`);
  const exits: string[] = [];
  const supervisor = createSupervisor({
    hasDeathSignal: false,
    onExit: ({ spec }) => exits.push(spec.name),
  });
  const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  const isUp = () => eventually(() => calls().at(-1)).toMatch(/^run/);

  await supervisor.start(processes[0]!);
  await isUp();
  const name = `pulse-${settings.id}-redis`;
  const run = calls().at(-1)!;
  expect(run).toContain('--publish 127.0.0.1:20001:6379');
  expect(run).toContain(`--volume ${name}:/data`);
  expect(run).toContain('--appendfsync always');
  // Every user can read a process's arguments.
  expect(run).not.toContain(settings.passwords.redis);
  expect(run).not.toContain('--requirepass');

  await supervisor.signal('redis', 'SIGKILL');
  expect(exits).toEqual(['redis']);
  await supervisor.restart('redis');
  await isUp();
  await supervisor.stopAll('quick');
  expect(calls().map((call) => call.split(' ').slice(0, 2).join(' '))).toEqual([
    'rm --force',
    'run --rm',
    'kill --signal',
    'rm --force',
    'run --rm',
    'rm --force',
    'volume rm',
  ]);
  expect(supervisor.pids()).toEqual({ redis: null });
});

test('a container runs in the engine that has its image, whatever says which that is', async () => {
  const ofEngine = {
    ...{ HOME: '/home/user', DOCKER_HOST: 'unix:///run/user/1000/docker.sock' },
    ...{ DOCKER_CONTEXT: 'colima', XDG_RUNTIME_DIR: '/run/user/1000' },
  };
  for (const [name, value] of Object.entries(ofEngine)) vi.stubEnv(name, value);
  vi.stubEnv('REDIS_PASSWORD', 'another');
  const settings = createSettings();
  const supervisor = createSupervisor({ hasDeathSignal: false, onExit: () => undefined });
  const [spec] = redisInContainer(settings).processes;
  await supervisor.start(spec!);
  const read = () => readFileSync(join(folder, 'env-of-run'), 'utf8').split('\n');
  await eventually(() => existsSync(join(folder, 'pid'))).toBe(true);
  await supervisor.stopAll('quick');
  const expected = { ...ofEngine, PATH: '/usr/bin:/bin', REDIS_PASSWORD: settings.passwords.redis };
  expect(read()).toEqual(
    expect.arrayContaining(Object.entries(expected).map(([name, value]) => `${name}=${value}`)),
  );
});
