import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createContainerServer } from '../../src/private-servers/containers.ts';
import { createSettings } from '../../src/private-servers/instance-settings.ts';
import { createSupervisor } from '../../src/private-servers/supervisor.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulse-test-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Fakes the engine's program: records its calls. Like the real one, `run` lasts until `kill` or `rm`. */
function fakeEngine(): string {
  const program = join(folder, 'docker');
  writeFileSync(
    program,
    `#!/bin/sh
echo "$@" >> '${folder}/calls'
case $1 in
run) echo $$ > '${folder}/pid'; exec sleep 600 ;;
kill | rm) test -e '${folder}/pid' && kill -9 "$(cat '${folder}/pid')"; rm -f '${folder}/pid' ;;
esac
`,
  );
  chmodSync(program, 0o755);
  return program;
}

test('a container is started, signalled and removed through its engine, and then its volume', async () => {
  const settings = createSettings();
  const { processes, url } = createContainerServer({
    name: 'redis',
    program: fakeEngine(),
    directory: folder,
    path: '/usr/bin:/bin',
    port: 20_001,
    settings,
  });
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
