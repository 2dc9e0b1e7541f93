// Sets up a bare clone: dependencies and build. Plain JavaScript without dependencies, because it runs before
// there are any.
import { spawn } from 'node:child_process';
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
  if (!isReady()) await withLock(installAndBuild);
}

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
  while (!tryLock()) await delay(200);
  try {
    await work();
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function tryLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    process.kill(Number(readFileSync(LOCK, 'utf8')), 0);
  } catch (error) {
    // Its owner has ended (a new lock may be empty for a moment: pid 0 is our own process group, which is alive).
    if (error.code === 'ESRCH') rmSync(LOCK, { force: true });
  }
  return false;
}

/** Sends the output of set-up to standard error: standard output belongs to the command. */
async function mustRun(command, args) {
  const code = await run(command, args, ['inherit', 2, 2]);
  if (code !== 0) {
    process.stderr.write(`\`${command} ${args.join(' ')}\` failed with exit code ${code}.\n`);
    process.exit(1);
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
