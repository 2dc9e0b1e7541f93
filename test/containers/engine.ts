/** podman as these tests use it: with separate storage, and only what works without systemd. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** crun refuses kernels that mount control groups of both versions. */
const HOW = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'];
/** Otherwise podman raises both to its own defaults, which a sandbox may refuse. */
export const ULIMITS = ['--ulimit', 'nofile=4096:4096', '--ulimit', 'nproc=4096:4096'];

export interface Engine {
  /** Runs one podman command. @returns Its output. @throws Error with its output. */
  podman(args: readonly string[], options?: { readonly timeoutMs?: number }): Promise<string>;
}

export function createEngine(cacheFolder: string): Engine {
  const root = join(cacheFolder, 'podman');
  // The other half of podman's state. It must not survive a reboot.
  const name = createHash('sha256').update(root).digest('hex').slice(0, 8);
  const first = ['--root', root, '--runroot', `/run/pulse-test-containers-${name}`, ...HOW];
  return {
    async podman(args, { timeoutMs = 120_000 } = {}) {
      try {
        const options = { timeout: timeoutMs, maxBuffer: 64 * 1024 ** 2 };
        const { stdout, stderr } = await execute('podman', [...first, ...args], options);
        return (args[0] === 'logs' ? stdout + stderr : stdout).trim();
      } catch (error) {
        const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
        const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-40).join('\n');
        throw new Error(`podman ${args.join(' ')} failed:\n${said}`, { cause: error });
      }
    },
  };
}
