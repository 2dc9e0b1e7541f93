/** Disks that fill up: servers whose files are on small file systems in memory. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../src/platform/backoff.ts';
import { between, NotPossibleError, type Fault, type Scene } from './fault.ts';
import { NotReachedError } from '../support/until.ts';
import { startTestServers, type ServerName, type TestServers } from './test-servers.ts';

const SIZES: Partial<Record<ServerName, string>> = { redis: '24m', postgres: '192m' };

/** Starts servers for one round; `stop` removes everything. @throws NotPossibleError */
export async function startServersOnSmallDisks(directory: string): Promise<TestServers> {
  const mounted: string[] = [];
  const unmount = (): void => {
    for (const path of mounted.splice(0)) execFileSync('umount', ['-l', path]);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    for (const [name, size] of Object.entries(SIZES)) {
      const path = join(directory, name);
      mkdirSync(path, { recursive: true });
      mountMemory(path, size, name === 'postgres' ? 'postgres' : 'root');
      mounted.push(path);
    }
    const servers = await startTestServers({ directory, keepFiles: true });
    return {
      ...servers,
      async stop() {
        await servers.stop();
        unmount();
      },
    };
  } catch (error) {
    unmount();
    throw error;
  }
}

/** @throws NotPossibleError */
export function mountMemory(path: string, size: string, user: string): void {
  if (process.getuid?.() !== 0)
    throw new NotPossibleError('not possible here: only root can mount file systems');
  try {
    const uid = execFileSync('id', ['-u', user], { encoding: 'utf8' }).trim();
    const options = `size=${size},mode=700,uid=${uid}`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'faults', path], { stdio: 'pipe' });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : 'unknown';
    throw new NotPossibleError(`not possible here: ${reason}`);
  }
}

/** Redis exits rather than confirm what it could not write; Postgres refuses the write. */
const SYMPTOMS = {
  redis: /redis connection failed|MISCONF/,
  postgres: /"53100"|postgres connection failed|connection was lost/,
};

export const DISK_FAULTS: readonly Fault[] = (['redis', 'postgres'] as const).map(
  (name): Fault => ({
    name: `disk-full-${name}`,
    about: `the disk of ${name} is full for some seconds; then there is room again`,
    smallDisks: true,
    async inject({ servers, random, seats }: Scene) {
      const filler = join(servers.directory, name, 'filler');
      try {
        fill(filler);
        await sleep(between(2_000, 4_000, random));
      } finally {
        rmSync(filler, { force: true });
      }
      await sleep(500);
      await servers.heal();
      const wasSeen = seats.some(({ worker }) => SYMPTOMS[name].test(worker.output));
      if (!wasSeen) throw new NotReachedError('not reached: the workers noticed nothing');
      return undefined;
    },
  }),
);

/** Writes until the disk is full. */
export function fill(path: string): void {
  const file = openSync(path, 'w');
  const block = Buffer.alloc(64 * 1024, 1);
  try {
    for (let size = block.length; size >= 512;) {
      try {
        // A full disk may still accept a part of a block.
        if (writeSync(file, block, 0, size) < size) size = Math.floor(size / 2);
      } catch {
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}
