// Sets up a bare clone: dependencies and build. Plain JavaScript without dependencies, because it runs before
// there are any.
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const LOCK = '.pulse/setup.lock';
/** Who waits for longer is told for whom. */
const QUIET_WAIT_MS = 1_000;
const STAMP = 'dist/.built';
const INSTALLED = 'node_modules/.package-lock.json';
const COMPILER = 'node_modules/typescript-7/package.json';
const BUILD_INPUTS = ['src', 'web', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

/** Changes to the root of the clone, and installs and builds what is missing. Ends the process if that fails. */
export async function setUp() {
  process.chdir(fileURLToPath(new URL('..', import.meta.url)));
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    process.stderr.write(`Pulse needs Node.js 20.19 or later; this is ${process.versions.node}.\n`);
    process.exit(1);
  }
  if (isReady()) return;
  try {
    await withLock(installAndBuild);
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** A command of set-up failed, and has said why. */
class SetUpError extends Error {}

/** Runs a command until it exits, and forwards the signals that ask this process to end. Resolves with its exit code. */
export function run(command, args, stdio = 'inherit') {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio });
    const forward = (signal) => child.kill(signal);
    // The terminal also sends its interrupt to the child; this process only has to outlive it.
    const wait = () => undefined;
    process.on('SIGTERM', forward).on('SIGINT', wait);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.off('SIGTERM', forward).off('SIGINT', wait);
      resolve(signal === null ? code : 1);
    });
  });
}

// A linked node_modules belongs to somebody else, and npm would empty it to install.
function isInstalled() {
  return (
    lstatSync('node_modules', { throwIfNoEntry: false })?.isSymbolicLink() === true ||
    timeOf(INSTALLED) >= timeOf('package-lock.json')
  );
}

function isReady() {
  return isInstalled() && timeOf(STAMP) >= newest(BUILD_INPUTS);
}

async function installAndBuild() {
  if (isReady()) return;
  if (!isInstalled() || !existsSync(COMPILER)) {
    process.stderr.write('Installing dependencies (npm ci) …\n');
    // With NODE_ENV=production, npm would leave out the compiler.
    await mustRun('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  process.stderr.write('Building …\n');
  await mustRun('npm', ['run', '--silent', 'build']);
  writeFileSync(STAMP, '');
}

/** Two runs that start together in a fresh clone must not install at the same time. */
async function withLock(work) {
  mkdirSync('.pulse', { recursive: true });
  const startedMs = performance.now();
  let toldOf;
  while (!tryLock()) {
    const [pid] = lockText().split(' ');
    if (pid !== '' && pid !== toldOf && performance.now() - startedMs > QUIET_WAIT_MS) {
      process.stderr.write(`Waiting for process ${pid}, which sets up this folder (${LOCK}) …\n`);
      toldOf = pid;
    }
    await delay(200);
  }
  try {
    await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function tryLock() {
  try {
    writeFileSync(LOCK, `${process.pid} ${identityOf(process.pid)}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') {
      rmSync(LOCK, { force: true });
      throw error;
    }
  }
  const text = lockText();
  // A new lock may be empty for a moment; an older one was left so by a crash.
  if (text === '' && Date.now() - timeOf(LOCK) < QUIET_WAIT_MS) return false;
  const [pid, ...identity] = text.split(' ');
  if (identityOf(Number(pid)) !== identity.join(' ')) rmSync(LOCK, { force: true });
  return false;
}

function lockText() {
  try {
    return readFileSync(LOCK, 'utf8');
  } catch {
    return '';
  }
}

/**
 * A text that distinguishes the process from others that had or will have its pid, because low pids come again after a
 * reboot or in a new container. Undefined if it has ended. As in src/private-servers/process-identity.ts.
 */
function identityOf(pid) {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name of the program comes before, and may contain spaces and brackets.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      return fields[0] === 'Z' ? undefined : `${boot}/${fields[19]}`;
    } catch {
      return undefined;
    }
  }
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC0' };
  const { stdout, status } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env,
  });
  return status === 0 ? stdout.trim() : undefined;
}

/** Sends the output of set-up to standard error: standard output belongs to the command. */
async function mustRun(command, args) {
  const code = await run(command, args, ['inherit', 2, 2]);
  if (code !== 0) {
    throw new SetUpError(`\`${command} ${args.join(' ')}\` failed with exit code ${code}.`);
  }
}

/** Modification time in milliseconds; 0 for a missing file. */
function timeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    latest = Math.max(latest, timeOf(path));
    if (!statSync(path).isDirectory()) continue;
    for (const name of readdirSync(path, { recursive: true })) {
      latest = Math.max(latest, timeOf(`${path}/${name}`));
    }
  }
  return latest;
}
