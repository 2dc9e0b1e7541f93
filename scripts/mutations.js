// `npm run test:mutations`: proves that the tests notice broken guards. It switches off one guard at a time in a copy
// of the tree, and requires that the checks named for it fail. Before, they must pass in a copy with every guard on.
//
// A check is 'simulation' (test/simulation), { tests: FILE } (one file of vitest, on real servers where it needs
// them), or { faults: NAMES, seed, kind } (one round of npm run test:faults, of pulses without a kind). Plain
// JavaScript, like all scripts.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MUTATIONS } from '../test/mutations/mutations.js';
import { setUp } from './set-up.js';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const HELP = `Switches off one guard at a time and checks that the tests fail.

  npm run test:mutations -- [options]

  --only NAMES     these mutations, separated by commas
  --checks KINDS   only checks of these kinds: simulation, tests, faults
  --no-baseline    does not first run the checks with every guard on
  --keep           keeps the mutated copies in .pulse/
  --list           names the mutations and exits

Exit codes: 0 every mutation failed every check, 1 one survived, 2 wrong usage.
`;

const TSC = 'node_modules/typescript-7/bin/tsc';
const CHECK_TIMEOUT_MS = 240_000;
/** What the copy needs: no documentation, no git repository. */
const COPIED =
  /^(src|test|bench|web|scripts|migrations)\/|^(package(-lock)?\.json|tsconfig.*\.json|vitest\.config\.ts)$/;

/** The result is inconclusive: the mutation proves nothing. */
class NoVerdict extends Error {}

process.exitCode = await main();

async function main() {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${HELP}`);
    return 2;
  }
  if (options.help) return print(HELP);
  if (options.list) {
    return print(options.mutations.map(({ name, off }) => `${name.padEnd(18)} ${off}\n`).join(''));
  }
  await setUp();
  if (options.baseline) await passBaseline(options);
  print('| guard | switched off | check | went red | s |\n| --- | --- | --- | --- | --- |\n');
  let survivors = 0;
  for (const mutation of options.mutations) {
    const rows = await tryMutation(mutation, options);
    survivors += rows.filter(({ red }) => red === undefined).length;
    for (const row of rows) print(toRow(mutation, row));
  }
  if (survivors > 0) process.stderr.write(`${survivors} checks did not notice their mutation.\n`);
  return survivors > 0 ? 1 : 0;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      checks: { type: 'string', default: 'simulation,tests,faults' },
      'no-baseline': { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const kinds = values.checks.split(',');
  const names = values.only?.split(',') ?? MUTATIONS.map(({ name }) => name);
  const chosen = names.map((name) => {
    const mutation = MUTATIONS.find((one) => one.name === name);
    if (mutation === undefined) throw new RangeError(`There is no mutation "${name}"; see --list.`);
    return { ...mutation, red: mutation.red.filter((check) => kinds.includes(kindOf(check))) };
  });
  const mutations = chosen.filter(({ red }) => red.length > 0);
  const { keep, list, help } = values;
  return { keep, list, help, baseline: !values['no-baseline'], mutations };
}

/** A check that fails with every guard on would prove nothing. */
async function passBaseline({ mutations, keep }) {
  const all = new Map(mutations.flatMap(({ red }) => red.map((check) => [describe(check), check])));
  const isBuilt = [...all.values()].some(needsBuild);
  await withCopy('baseline', { edits: [], keep, isBuilt }, async (directory) => {
    for (const check of all.values()) {
      const { red, seconds } = await runCheck(check, directory);
      process.stderr.write(`every guard on: ${describe(check)} ${red ?? 'passes'}, ${seconds} s\n`);
      if (red !== undefined) throw new Error(`${describe(check)} is red without any mutation.`);
    }
  });
}

async function tryMutation({ name, edits, red: checks }, { keep }) {
  const isBuilt = checks.some(needsBuild);
  return await withCopy(name, { edits, keep, isBuilt }, async (directory) => {
    const rows = [];
    for (const check of checks) rows.push({ check, ...(await runCheck(check, directory)) });
    return rows;
  });
}

/** Runs `work` in a copy of the tree with the edits applied and built. */
async function withCopy(name, { edits, keep, isBuilt }, work) {
  const directory = join(root, '.pulse', `mutation-${name}`);
  rmSync(directory, { recursive: true, force: true });
  const listed = ['ls-files', '--cached', '--others', '--exclude-standard'];
  for (const file of execFileSync('git', listed, { encoding: 'utf8' }).split('\n')) {
    if (!COPIED.test(file) || !existsSync(file)) continue;
    mkdirSync(join(directory, dirname(file)), { recursive: true });
    cpSync(file, join(directory, file), { preserveTimestamps: true });
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  // npm must never install there: that would empty the folder behind the link.
  utimesSync(join(directory, 'package-lock.json'), 0, 0);
  for (const edit of edits) applyEdit(directory, edit);
  if (isBuilt) await build(directory);
  try {
    return await work(directory);
  } finally {
    if (!keep) rmSync(directory, { recursive: true, force: true });
  }
}

function applyEdit(directory, { file, find, replace }) {
  const path = join(directory, file);
  const parts = readFileSync(path, 'utf8').split(find);
  if (parts.length !== 2) {
    const first = find.trim().split('\n')[0];
    throw new Error(
      `${file} contains "${first}" ${parts.length - 1} times, not once: update the mutation.`,
    );
  }
  writeFileSync(path, parts.join(replace));
}

/** The simulation runs from source. */
function needsBuild(check) {
  return check !== 'simulation';
}

/** Skips type checks, because a mutation may leave something unused. The console is not mutated. */
async function build(directory) {
  await mustRun([TSC, '-p', 'tsconfig.build.json', '--noCheck'], directory);
  await mustRun(['scripts/copy-lua.js'], directory);
  symlinkSync(join(root, 'dist', 'web'), join(directory, 'dist', 'web'));
}

async function mustRun(args, directory) {
  const { code, output } = await run(process.execPath, args, { cwd: directory });
  if (code !== 0) throw new NoVerdict(`${args.join(' ')} failed in a mutated copy:\n${output}`);
}

/** Why the check fails; undefined when it passes. */
async function runCheck(check, directory) {
  const startedMs = performance.now();
  const red =
    kindOf(check) === 'faults'
      ? await runFaults(check, directory)
      : await runVitest(check, directory);
  return { red, seconds: Math.round((performance.now() - startedMs) / 1000) };
}

async function runVitest(check, directory) {
  const report = join(directory, 'report.json');
  rmSync(report, { force: true });
  const { output } = await run(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...(check === 'simulation' ? ['--project', 'simulation'] : [check.tests]),
      // One failed test is enough; the others might each run into their time limit.
      '--bail=1',
      '--reporter=json',
      `--outputFile=${report}`,
    ],
    // The first counterexample is enough; a smaller one only helps people.
    { cwd: directory, env: { SIMULATION_SHRINK: 'off' } },
  );
  if (!existsSync(report)) throw new NoVerdict(`No report from ${describe(check)}:\n${output}`);
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = tests.find(({ status }) => status === 'failed');
  if (failed !== undefined)
    return `${check === 'simulation' ? '' : `“${failed.title}”: `}${reasonOf(failed.failureMessages.join('\n'))}`;
  if (tests.length === 0 || testResults.some(({ status }) => status === 'failed')) {
    throw new NoVerdict(`${describe(check)} did not run:\n${output}`);
  }
  return undefined;
}

/** The line that says what broke; counterexamples and stack traces follow it. */
function reasonOf(message) {
  const lines = message.split('\n').map((line) => line.trim());
  const line = lines.find((one) => one.startsWith('Got ')) ?? lines[0] ?? '';
  return line.replace(/^(Got )?\w*(Violation|Error): /, '').slice(0, 160);
}

async function runFaults({ faults, seed, kind }, directory) {
  await mustRun([TSC, '-p', 'test/faults/tsconfig.json', '--noCheck'], directory);
  const main = '.pulse/faults-build/test/faults/main.js';
  const kindOption = kind === undefined ? [] : [`--${kind}`];
  const choice = [...kindOption, '--only', faults, '--seed', String(seed), '--rounds', '1'];
  const { code, output } = await run(process.execPath, [main, ...choice], { cwd: directory });
  if (code === 0) return undefined;
  const complaint = output.split('\n').find((line) => line.startsWith('  !! '));
  if (code !== 1 || complaint === undefined)
    throw new NoVerdict(`The round did not end:\n${output}`);
  return complaint.slice(5, 165);
}

/** Its whole output, standard error included. */
function run(command, args, { cwd, env = {} }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    const timer = setTimeout(() => child.kill('SIGTERM'), CHECK_TIMEOUT_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (signal === null) resolve({ code, output });
      else reject(new NoVerdict(`${args.join(' ')} ended with ${signal}:\n${output}`));
    });
  });
}

function kindOf(check) {
  if (check === 'simulation') return 'simulation';
  return 'tests' in check ? 'tests' : 'faults';
}

function describe(check) {
  if (check === 'simulation') return 'simulation';
  const { tests, faults, seed, kind = 'pulses' } = check;
  return tests ?? `faults of ${kind}: ${faults} (seed ${seed})`;
}

function toRow({ guard, off, edits }, { check, red, seconds }) {
  const where = [...new Set(edits.map(({ file }) => `\`${file}\``))].join(', ');
  const cells = [
    guard,
    `${off} (${where})`,
    describe(check),
    red ?? '**NO: it survived**',
    seconds,
  ];
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |\n`;
}

function print(text) {
  process.stdout.write(text);
  return 0;
}
