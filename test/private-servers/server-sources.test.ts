import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installPackages } from '../../src/private-servers/debian-packages.ts';
import {
  findProgram,
  findPrograms,
  type ProgramSearch,
} from '../../src/private-servers/programs.ts';
import { findServerSources } from '../../src/private-servers/server-sources.ts';

let folder: string;
let search: ProgramSearch;
let lines: string[];
const onProgress = (line: string) => lines.push(line);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulse-test-'));
  search = { path: [folder], places: [] };
  lines = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A fake program of this name. */
function program(name: string, body: string, place = folder): string {
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(place, name), 0o755);
  return join(place, name);
}

function redisOf(version: string): string {
  return program('redis-server', `echo 'Redis server v=${version} sha=00000000:0 bits=64'`);
}

describe('finding the programs', () => {
  test('finds nothing on an empty PATH', async () => {
    const { rabbitmq, redis, postgres } = await findPrograms(search);
    expect({ rabbitmq, redis, postgres }).toEqual({ rabbitmq: null, redis: null, postgres: null });
  });

  test('finds the real script behind a wrapper that requires the user rabbitmq', async () => {
    const home = join(folder, 'lib/rabbitmq_server-3.12.1');
    for (const name of ['rabbitmq-server', 'rabbitmq-env']) {
      program(name, '', join(home, 'sbin'));
    }
    mkdirSync(join(home, 'plugins/rabbit-3.12.1'), { recursive: true });
    const bin = join(folder, 'bin');
    program('rabbitmq-script-wrapper', '', bin);
    symlinkSync(join(home, 'sbin/rabbitmq-env'), join(bin, 'rabbitmq-env'));
    symlinkSync(join(bin, 'rabbitmq-script-wrapper'), join(folder, 'rabbitmq-server'));
    program('erl', '');
    program('epmd', '');
    expect((await findPrograms(search)).rabbitmq).toEqual({
      program: join(home, 'sbin/rabbitmq-server'),
      epmd: join(folder, 'epmd'),
    });
  });

  test('picks the highest of several PostgreSQL versions, compared as numbers', async () => {
    for (const version of ['9', '15', '16']) {
      for (const name of ['postgres', 'initdb']) {
        program(name, `echo 'postgres (PostgreSQL) ${version}.1'`, join(folder, version, 'bin'));
      }
    }
    const places = [join(folder, '*/bin')];
    expect((await findPrograms({ path: [], places })).postgres).toBe(join(folder, '16/bin'));
  });

  test('reports a program that is too old, and does not use it', async () => {
    redisOf('6.0.16');
    const { redis, remarks } = await findPrograms(search);
    expect(redis).toBeNull();
    expect(remarks).toEqual([expect.stringMatching(/version 6\.0\.16; Pulse needs 7\.0/)]);
    redisOf('7.0.15');
    expect((await findPrograms(search)).redis).toBe(join(folder, 'redis-server'));
  });

  test('ignores files that are not executable', () => {
    writeFileSync(join(folder, 'docker'), '');
    expect(findProgram('docker', search)).toBeNull();
  });
});

describe('a missing server', () => {
  test('leads to instructions on what to install', async () => {
    redisOf('6.0.16');
    const failure = await findServerSources(search, onProgress).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'PULSE_SERVICES_MISSING', retryable: false });
    const page = (failure as Error).message;
    for (const word of ['RabbitMQ 3.10', 'Redis 7.0', 'PostgreSQL 14', '6.0.16', 'DATABASE_URL']) {
      expect(page).toContain(word);
    }
    expect(page).toContain('apt-get install --no-install-recommends rabbitmq-server redis-server');
    expect(lines).toEqual([]);
  });

  test('runs in containers when the engine works', async () => {
    const docker = program('docker', `echo "$@" >> '${folder}/calls'`);
    redisOf('7.2.0');
    const { engine, programs } = await findServerSources(search, onProgress);
    expect(engine).toBe(docker);
    expect(programs.redis).not.toBeNull();
    expect(lines).toEqual([expect.stringMatching(/rabbitmq, postgres.*Docker/)]);
    expect(readFileSync(join(folder, 'calls'), 'utf8')).not.toContain('redis');
  });

  test('ignores an engine that does not work', async () => {
    program('docker', 'exit 1');
    await expect(findServerSources(search, onProgress)).rejects.toThrow(/cannot find/);
  });
});

describe('installing packages', () => {
  const packages = ['redis-server'];

  test('forbids their services to start in the meantime, and then removes the policy', async () => {
    const policyFile = join(folder, 'policy-rc.d');
    program(
      'apt-get',
      `echo "$@" >> '${folder}/calls'; '${policyFile}'; echo "policy $?" >> '${folder}/calls'`,
    );
    await installPackages({ packages, installer: [], search, policyFile });
    expect(readFileSync(join(folder, 'calls'), 'utf8').split('\n')).toEqual([
      'update -q',
      'policy 101',
      'install -q -y --no-install-recommends redis-server',
      'policy 101',
      '',
    ]);
    expect(existsSync(policyFile)).toBe(false);
  });

  test('keeps an existing policy, and removes its own when apt-get fails', async () => {
    const policyFile = program('policy-rc.d', 'exit 7');
    program('apt-get', 'echo no network >&2; exit 100');
    const install = () => installPackages({ packages, installer: [], search, policyFile });
    await expect(install()).rejects.toThrow(/no network/);
    expect(readFileSync(policyFile, 'utf8')).toContain('exit 7');
    rmSync(policyFile);
    await expect(install()).rejects.toThrow(/no network/);
    expect(existsSync(policyFile)).toBe(false);
  });

  test('a leftover policy forbids nothing', async () => {
    const policyFile = join(folder, 'policy-rc.d');
    // The clean-up does not run if the shell is killed.
    program('apt-get', `cp '${policyFile}' '${folder}/left'`);
    await installPackages({ packages, installer: [], search, policyFile });
    program('asks', `'${folder}/left'`);
    const { spawnSync } = await import('node:child_process');
    expect(spawnSync(join(folder, 'left')).status).toBe(0);
  });
});
