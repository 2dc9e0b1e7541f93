// `npm run dev [-- COMMAND]`: runs Pulse from this folder (`start` by default), and restarts it after every change
// in src or migrations that compiles. Plain JavaScript, like all scripts.
//
// The private servers belong to this process, so that a restart takes a second and Ctrl-C leaves nothing behind.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { run, setUp } from './set-up.js';

const SERVER_VARIABLES = ['RABBITMQ_URL', 'REDIS_URL', 'DATABASE_URL'];
/** One save in an editor can be several changes. */
const SETTLE_MS = 100;
/** npm forwards a signal that the terminal has already sent. */
const SAME_SIGNAL_MS = 1_000;

await setUp();
if (existsSync('.env')) process.loadEnvFile('.env');
const command = process.argv.length > 2 ? process.argv.slice(2) : ['start'];

let pulse;
let isRestartDue = false;
let stoppedAtMs;

// Before anything else, because a signal may come while the servers start.
const isStopping = () => stoppedAtMs !== undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);

const servers = hasOwnServers() ? undefined : await startServers();
const compiler = isStopping() ? undefined : startCompiler();
const watchers = [
  watchFolder('src/aggregate/functions', () => run(process.execPath, ['scripts/copy-lua.js'])),
  watchFolder('migrations', () => undefined),
];
await keepRunning();
for (const watcher of watchers) watcher.close();
if (compiler !== undefined && compiler.exitCode === null) process.kill(-compiler.pid);
await servers?.stop();

/** Starts Pulse whenever something has changed, until a signal comes. */
async function keepRunning() {
  while (!isStopping()) {
    if (isRestartDue) {
      isRestartDue = false;
      await endPulse();
      pulse = startPulse();
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
  await endPulse();
}

/** In a separate process group, because Ctrl-C must reach it only once, through `endPulse`: a second signal kills. */
function startPulse() {
  const child = spawn(process.execPath, ['--enable-source-maps', 'dist/main.js', ...command], {
    stdio: 'inherit',
    detached: true,
  });
  child.once('exit', (code) => {
    if (pulse !== child) return;
    pulse = undefined;
    tell(`Pulse ended with exit code ${code}; the next change starts it again.`);
  });
  return child;
}

async function endPulse() {
  const child = pulse;
  pulse = undefined;
  if (child === undefined) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

function hasOwnServers() {
  const isSet = (name) => (process.env[name] ?? '') !== '';
  return SERVER_VARIABLES.some((name) => isSet(name) || isSet(`${name}_FILE`));
}

/** Uses the servers that already run in this folder, or starts them. Processes started below find them. */
async function startServers() {
  const { attachInstance, INSTANCE_DIRECTORY } =
    await import('../dist/private-servers/instance.js');
  return await attachInstance({ directory: INSTANCE_DIRECTORY, onProgress: tell });
}

function startCompiler() {
  const args = ['-p', 'tsconfig.build.json', '--watch', '--preserveWatchOutput'];
  if (process.stdout.isTTY) args.push('--pretty');
  // In a separate process group: on Node 20 the compiler is a child of this child.
  const child = spawn(process.execPath, ['node_modules/typescript-7/bin/tsc', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  child.stdout.setEncoding('utf8').on('data', (text) => {
    process.stdout.write(text);
    // With errors, the current process keeps running.
    if (/\bFound 0 errors\b/.test(text)) isRestartDue = true;
  });
  child.once('exit', () => {
    if (isStopping()) return;
    tell('The compiler has ended.');
    process.exitCode = 1;
    stoppedAtMs = performance.now();
  });
  return child;
}

/** Restarts Pulse after a change in a folder that the compiler does not watch. */
function watchFolder(path, prepare) {
  return watch(path, async () => {
    await prepare();
    isRestartDue = true;
  });
}

function onSignal() {
  const nowMs = performance.now();
  if (!isStopping()) {
    stoppedAtMs = nowMs;
    tell('Stopping …');
  } else if (nowMs - stoppedAtMs > SAME_SIGNAL_MS) {
    pulse?.kill('SIGKILL');
    process.exit(1);
  }
}

function tell(line) {
  process.stderr.write(`${line}\n`);
}
