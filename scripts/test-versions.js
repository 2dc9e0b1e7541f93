// `npm run test:versions`: runs the README's commands and the fault rounds on a bare Debian, with each version of
// Node and each kind of Redis that the documentation lists. Plain JavaScript without dependencies, like every script
// that may run in a bare clone.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { baseSystem, copySystem, runInSystem, Unavailable } from './bare-system.js';
import { mergeRow } from './compatibility-table.js';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const HELP = `Tests Pulse on a bare Debian: only Node, npm and git, in a separate folder.

  npm run test:versions -- [options]

  --only NAMES  the parts to run, separated by commas: ${partNames().join(', ')}.
                If no part of a kind is named, all of that kind run.
  --write       writes the results to docs/compatibility.md
  --optional    says so and exits 0 where a bare Debian is not possible
  --keep        keeps the systems in .pulse/versions/

Exit codes: 0 all passed, 1 something failed, 2 wrong usage.
`;

const FOLDER = '.pulse/versions';
const PAGE = 'docs/compatibility.md';
/** The path of the clone in a system. */
const CLONE = '/root/pulse';

main().then(
  (code) => (process.exitCode = code),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  },
);

function kinds() {
  return {
    node: { node20: 20, node22: 22, node24: 24 },
    store: { redis: 'redis-server', valkey: 'valkey-server' },
    task: {
      demo: { command: 'npm run demo', timeoutMs: 10 * 60_000 },
      test: { command: 'npm test', timeoutMs: 60 * 60_000 },
      faults: { command: 'npm run test:faults -- --selection ci', timeoutMs: 30 * 60_000 },
    },
  };
}

function partNames() {
  return Object.values(kinds()).flatMap(Object.keys);
}

async function main() {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${HELP}`);
    return 2;
  }
  if (options.help) return tell(HELP);
  try {
    return await runRows(options);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    tell(`Skipped: the test on a bare Debian. ${capital(error.message)}.`);
    return options.optional ? 0 : 1;
  }
}

function readOptions() {
  const flag = { type: 'boolean', default: false };
  const { values } = parseArgs({
    options: { only: { type: 'string' }, write: flag, optional: flag, keep: flag, help: flag },
  });
  const names = values.only?.split(',') ?? [];
  const unknown = names.find((name) => !partNames().includes(name));
  if (unknown !== undefined) throw new RangeError(`There is no part "${unknown}".`);
  const chosen = Object.entries(kinds()).map(([kind, parts]) => {
    const named = Object.keys(parts).filter((name) => names.includes(name));
    return [kind, named.length > 0 ? named : Object.keys(parts)];
  });
  return { ...values, ...Object.fromEntries(chosen) };
}

async function runRows({ node, store, task, write, keep }) {
  const base = await baseSystem();
  let failures = 0;
  for (const nodeName of node) {
    for (const storeName of store) {
      const row = await runRow({ base, nodeName, storeName, tasks: task, keep });
      failures += Object.values(row.results).filter(({ code }) => code !== 0).length;
      if (write) writeRow(row);
    }
  }
  return failures > 0 ? 1 : 0;
}

/** One system with all its tasks in order: the first task finds it bare. */
async function runRow({ base, nodeName, storeName, tasks, keep }) {
  const name = `${nodeName}-${storeName}`;
  const root = join(process.cwd(), FOLDER, name);
  const version = await copySystem(base, { root, node: kinds().node[nodeName] });
  try {
    copyTree(join(root, CLONE));
    const env = storeName === 'valkey' ? await preferValkey(root) : {};
    const results = {};
    for (const task of tasks) results[task] = await runTask({ root, env, name, task });
    return { node: version, store: storeName, results, servers: serversIn(root) };
  } finally {
    if (!keep) rmSync(root, { recursive: true, force: true });
  }
}

/** Everything that git tracks or would track, as a separate clone. */
function copyTree(clone) {
  const listed = ['ls-files', '--cached', '--others', '--exclude-standard'];
  for (const file of execFileSync('git', listed, { encoding: 'utf8' }).split('\n')) {
    if (file === '' || !existsSync(file)) continue;
    mkdirSync(join(clone, dirname(file)), { recursive: true });
    cpSync(file, join(clone, file), { preserveTimestamps: true });
  }
  execFileSync('git', ['init', '--quiet', clone]);
  execFileSync('git', ['-C', clone, 'add', '--all']);
}

/** Installs Valkey under the name with which the private servers look for Redis. */
async function preferValkey(root) {
  const folder = '/opt/valkey-as-redis';
  mkdirSync(join(root, folder), { recursive: true });
  symlinkSync('/usr/bin/valkey-server', join(root, folder, 'redis-server'));
  const install =
    'printf "#!/bin/sh\\nexit 101\\n" > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d && ' +
    'apt-get update -q && apt-get install -q -y --no-install-recommends valkey-server && rm /usr/sbin/policy-rc.d';
  const log = join(FOLDER, 'valkey-install.log');
  const code = await runInSystem(root, install, {
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    stdio: openSync(log, 'w'),
  });
  if (code !== 0) throw new Unavailable(`Valkey cannot be installed; see ${log}`);
  return { PATH: `${folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin` };
}

async function runTask({ root, env, name, task }) {
  const { command, timeoutMs } = kinds().task[task];
  const log = join(FOLDER, `${name}-${task}.log`);
  const startedMs = performance.now();
  const code = await runInSystem(root, `cd ${CLONE} && ${command}`, {
    env,
    stdio: openSync(log, 'w'),
    timeoutMs,
  });
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  const outcome = code === 0 ? 'passed' : code === 124 ? 'took too long' : `failed (${code})`;
  tell(`${name}: \`${command}\` ${outcome} after ${seconds} s; ${log}`);
  if (code !== 0) tell(readFileSync(log, 'utf8').split('\n').slice(-60).join('\n'));
  return { code, seconds };
}

/** The versions of the servers that the tasks ran on. */
function serversIn(root) {
  const packages = { rabbitmq: 'rabbitmq-server', redis: 'redis-server', valkey: 'valkey-server' };
  const versionOf = (name) => {
    const query = ['-W', '-f', '${Version}', `--admindir=${join(root, 'var/lib/dpkg')}`, name];
    const { stdout } = spawnSync('dpkg-query', query, { encoding: 'utf8' });
    return /^(?:\d+:)?([\d.]+)/.exec(stdout ?? '')?.[1];
  };
  const versions = Object.entries(packages).map(([key, name]) => [key, versionOf(name)]);
  return { ...Object.fromEntries(versions), postgres: versionOf('postgresql-17') };
}

function writeRow(row) {
  const today = new Date().toISOString().slice(0, 10);
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(PAGE, mergeRow(page, row, today));
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function tell(text) {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  return 0;
}
