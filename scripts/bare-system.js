// A bare Debian in a folder, for tests that must not depend on what is installed on this machine. debootstrap
// unpacks it once from this machine's own mirror. It stays in the user's cache and is copied for each use.
import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export const SUITE = 'trixie';
/** In addition to the essential packages. Node comes from the npm registry. */
const PACKAGES = ['git', 'ca-certificates'];
/** Older ones lack too many updates. */
const AGE_MAX_MS = 30 * 24 * 3600_000;
/** Where the bare system gets this machine's own certificate authority, if there is one. */
const CERTIFICATES = '/etc/ssl/certs/of-the-machine.crt';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** This machine cannot run a bare system. The message is one sentence that says why. */
export class Unavailable extends Error {}

export function cacheFolder() {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'pulse');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The folder of the unpacked system. Never change it: copy it. @throws Unavailable */
export async function baseSystem() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Unavailable('a bare Debian needs Linux and root');
  }
  const base = join(cacheFolder(), `debian-${SUITE}`);
  if (existsSync(base) && Date.now() - statSync(base).mtimeMs < AGE_MAX_MS) return base;
  const mirror = mirrorOf(aptSources());
  if (mirror === undefined) {
    throw new Unavailable("this machine's apt sources name no mirror of Debian");
  }
  await haveProgram('debootstrap', ['debootstrap', 'debian-archive-keyring']);
  tell(`Unpacking Debian ${SUITE} into ${base} (once a month) …`);
  const fresh = mkdtempSync(`${base}.`);
  try {
    const what = ['--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, fresh, mirror];
    await execute('debootstrap', what, { maxBuffer: 64 * 1024 ** 2 });
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw new Unavailable(`debootstrap failed: ${lastLine(error.stderr) || error.message}`);
  }
  // As in Debian's own images: nothing here must survive a power failure, and syncing takes half the time.
  writeFileSync(join(fresh, 'etc/dpkg/dpkg.cfg.d/no-sync'), 'force-unsafe-io\n');
  // Users other than root must be able to traverse it.
  chmodSync(fresh, 0o755);
  rmSync(base, { recursive: true, force: true });
  renameSync(fresh, base);
  return base;
}

/**
 * Copies the base, and installs Node and npm in the copy.
 *
 * @param options.node A version of Node: complete, or only the major version.
 * @returns The installed version.
 */
export async function copySystem(base, { root, node }) {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(dirname(root), { recursive: true });
  await execute('cp', ['-a', base, root]);
  const { folder, version } = await nodePackage(node);
  const local = join(root, 'usr/local');
  copyFileSync(join(folder, 'bin/node'), join(local, 'bin/node'));
  const { stdout: npm } = await execute('sh', ['-c', 'command -v npm']);
  const npmFolder = dirname(dirname(realpathSync(npm.trim())));
  cpSync(npmFolder, join(local, 'lib/node_modules/npm'), { recursive: true });
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
  }
  copyFileSync('/etc/resolv.conf', join(root, 'etc/resolv.conf'));
  writeFileSync(join(root, 'etc/hosts'), '127.0.0.1 localhost\n');
  await reachRegistryFrom(root);
  return version;
}

/** Makes npm in the copy use the same registry as npm here. */
async function reachRegistryFrom(root) {
  const { stdout: registry } = await execute('npm', ['config', 'get', 'registry']);
  const lines = [`registry=${registry.trim()}`, 'update-notifier=false'];
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  if (certificates !== undefined) {
    copyFileSync(certificates, join(root, CERTIFICATES));
    lines.push(`cafile=${CERTIFICATES}`);
  }
  mkdirSync(join(root, 'usr/local/etc'), { recursive: true });
  writeFileSync(join(root, 'usr/local/etc/npmrc'), `${lines.join('\n')}\n`);
}

/** Node itself from the npm registry, kept in the cache. @throws Unavailable */
async function nodePackage(wanted) {
  const name = `node-linux-${process.arch}`;
  try {
    const version = await newestVersion(name, wanted);
    const folder = join(cacheFolder(), `${name}-${version}`);
    if (!existsSync(folder)) await getPackage({ name, version, folder });
    return { folder, version };
  } catch (error) {
    throw new Unavailable(
      `npm cannot get ${name}@${wanted}: ${lastLine(error.stderr) || error.message}`,
    );
  }
}

async function newestVersion(name, wanted) {
  if (/^\d+\.\d+\.\d+$/.test(wanted)) return wanted;
  const { stdout } = await execute('npm', ['view', `${name}@${wanted}`, 'version', '--json']);
  const versions = [JSON.parse(stdout)].flat();
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

async function getPackage({ name, version, folder }) {
  tell(`Getting Node ${version} …`);
  const fresh = mkdtempSync(`${folder}.`);
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  try {
    await execute('npm', ['install', '--prefix', fresh, ...options, `${name}@${version}`]);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(fresh, 'node_modules', name), folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Mounts what programs expect, in a namespace that ends with its last process, and runs a shell command. */
const ENTER = `root=$1; shift
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" && mount -t tmpfs tmpfs "$root/dev/shm" || exit 125
exec chroot "$root" /usr/bin/env -i "$@"`;

/**
 * Runs a shell command in a system with a separate environment. Its processes end with it, and with this one.
 *
 * @param options.stdio For standard output and standard error.
 * @returns The exit code; 124 when it took longer than `timeoutMs`.
 */
export function runInSystem(root, command, { env = {}, stdio = 'inherit', timeoutMs } = {}) {
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
  const variables = { PATH, HOME: '/root', LANG: 'C.UTF-8', ...proxies(), ...env };
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', ...namespaces, 'sh', '-c', ENTER, 'enter', root],
      ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
      // Not the last command of the shell, so that the shell stays and reaps orphaned processes.
      ...['sh', '-c', `${command}\nexit $?`],
    ],
    { stdio: ['ignore', stdio, stdio] },
  );
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  let isLate = false;
  const timer = timeoutMs && setTimeout(() => (isLate = child.kill('SIGKILL')), timeoutMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      process.off('exit', stop);
      resolve(isLate ? 124 : (code ?? 1));
    });
  });
}

function proxies() {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
}

/** Installs Debian packages for a program that is missing. @throws Unavailable */
export async function haveProgram(program, packages) {
  const exists = () =>
    execute('sh', ['-c', `command -v ${program}`]).then(
      () => true,
      () => false,
    );
  if (await exists()) return;
  if (process.getuid?.() !== 0)
    throw new Unavailable(`${program} is missing, and only root may install it`);
  tell(`Installing ${packages.join(', ')} with apt-get …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, maxBuffer: 64 * 1024 ** 2 };
  try {
    await execute('apt-get', ['update', '-q'], options);
    await execute(
      'apt-get',
      ['install', '-q', '-y', '--no-install-recommends', ...packages],
      options,
    );
  } catch (error) {
    throw new Unavailable(
      `${program} is missing, and apt-get cannot install it: ${lastLine(error.stderr) || error.message}`,
    );
  }
}

function aptSources() {
  const folder = '/etc/apt/sources.list.d';
  const names = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  return ['/etc/apt/sources.list', ...names]
    .filter((path) => /\.(list|sources)$/.test(path) && existsSync(path))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

/** The first mirror of Debian itself, in either of apt's two formats. */
export function mirrorOf(sources) {
  const words = sources
    .split('\n')
    .filter((line) => /^\s*(deb|URIs:)\s/.test(line))
    .flatMap((line) => line.split(/\s+/));
  return words.find((word) => /^(https?|ftp):\/\/.*\/debian\/?$/.test(word));
}

function lastLine(text = '') {
  return text.trim().split('\n').at(-1);
}

function tell(line) {
  process.stderr.write(`${line}\n`);
}
