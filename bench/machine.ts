/** The machine and versions of a run, without which its figures mean nothing. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  /** The commit that was built; with `+` if files differ from it. */
  readonly commit: string;
  /** Node.js and the packages that affect the speed; the servers add theirs. */
  readonly versions: Readonly<Record<string, string>>;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MEASURED_PACKAGES = ['amqplib', 'ioredis', 'pg', 'pg-copy-streams', 'fastify', 'piscina'];

export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    commit: readCommit(),
    versions: {
      node: process.versions.node,
      ...Object.fromEntries(MEASURED_PACKAGES.map((name) => [name, packageVersion(name)])),
    },
  };
}

function packageVersion(name: string): string {
  const manifest = JSON.parse(readFileSync(`${ROOT}node_modules/${name}/package.json`, 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

function readCommit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, {
        cwd: ROOT,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const changed = git('status', '--porcelain', '--', 'src', 'migrations', 'package-lock.json');
    return git('rev-parse', '--short=12', 'HEAD').trim() + (changed === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}
