/** Finds the servers' programs on this machine. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { ServerName } from './process-spec.ts';

const run = promisify(execFile);

export interface ProgramSearch {
  /** Directories, in order of preference. */
  readonly path: readonly string[];
  /** More directories, searched afterwards. One `*` is allowed; higher versions come first. */
  readonly places: readonly string[];
}

/** Null for a program that is missing or too old. */
export interface Programs {
  readonly rabbitmq: { readonly program: string; readonly epmd: string } | null;
  /** `redis-server`. */
  readonly redis: string | null;
  /** The directory of `postgres` and `initdb`. */
  readonly postgres: string | null;
  /** One sentence for each program that is too old. */
  readonly remarks: readonly string[];
  /** The PATH for the servers. */
  readonly path: string;
}

/** Where Debian, Red Hat and Homebrew install them, besides the PATH. */
const USUAL_PLACES: readonly string[] = [
  ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'],
  ['/usr/lib/rabbitmq/bin', '/usr/lib/postgresql/*/bin', '/usr/lib/erlang/erts-*/bin'],
  ['/usr/pgsql-*/bin', '/opt/homebrew/bin', '/opt/homebrew/sbin'],
  ['/opt/homebrew/opt/postgresql@*/bin', '/usr/local/opt/postgresql@*/bin'],
].flat();

/** The oldest versions that have the features Pulse needs. */
const OLDEST: Readonly<Record<ServerName, { version: readonly [number, number]; why: string }>> = {
  rabbitmq: { version: [3, 10], why: 'at-least-once dead lettering of quorum queues' },
  redis: { version: [7, 0], why: 'Redis Functions' },
  postgres: { version: [14, 0], why: 'the partitioning that Pulse uses' },
};

/**
 * The user's PATH and the usual places.
 *
 * Reads PATH outside of config.ts, because it is not configuration of Pulse.
 */
export function usualSearch(): ProgramSearch {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  return { path, places: USUAL_PLACES };
}

/**
 * What the program of a container engine needs to reach the engine that the user means: a home with the current
 * context, DOCKER_HOST and its kin, XDG_RUNTIME_DIR, an SSH agent.
 *
 * Read outside of config.ts for the same reason.
 */
export function callerEnvironment(): Readonly<Record<string, string>> {
  // No value is undefined, whatever the type says.
  return { ...process.env } as Record<string, string>;
}

export async function findPrograms(search: ProgramSearch): Promise<Programs> {
  const folders = foldersOf(search);
  const remarks: string[] = [];
  const rabbitmq = findRabbitmq(folders, remarks);
  const [redis, postgres] = await Promise.all([
    findVersioned('redis', 'redis-server', folders, remarks),
    findVersioned('postgres', 'postgres', folders, remarks),
  ]);
  return {
    rabbitmq,
    redis,
    // `initdb` is next to the real `postgres`, not next to a link to it.
    postgres: postgres === null ? null : dirname(realpathSync(postgres)),
    remarks,
    path: folders.join(delimiter),
  };
}

/** The first executable of that name, or null. */
export function findProgram(name: string, search: ProgramSearch): string | null {
  return candidates(name, foldersOf(search))[0] ?? null;
}

function findRabbitmq(folders: readonly string[], remarks: string[]): Programs['rabbitmq'] {
  const [erl] = candidates('erl', folders);
  const [epmd] = candidates('epmd', folders);
  if (erl === undefined || epmd === undefined) return null;
  for (const candidate of candidates('rabbitmq-server', folders)) {
    // Packages put a wrapper on the PATH that requires the user rabbitmq and system directories. The real script
    // is next to its library `rabbitmq-env`, to which there is a link next to the wrapper.
    const library = join(dirname(realpathSync(candidate)), 'rabbitmq-env');
    if (!existsSync(library)) continue;
    const home = dirname(dirname(realpathSync(library)));
    const plugins = join(home, 'plugins');
    const version = existsSync(plugins)
      ? /^rabbit-(\d.*)$/m.exec(readdirSync(plugins).join('\n'))?.[1]
      : undefined;
    const program = join(home, 'sbin', 'rabbitmq-server');
    if (isRecent('rabbitmq', program, version, remarks)) return { program, epmd };
  }
  return null;
}

async function findVersioned(
  name: 'redis' | 'postgres',
  program: string,
  folders: readonly string[],
  remarks: string[],
): Promise<string | null> {
  for (const candidate of candidates(program, folders)) {
    if (name === 'postgres' && !existsSync(join(dirname(realpathSync(candidate)), 'initdb')))
      continue;
    const { stdout } = await run(candidate, ['--version'], { timeout: 5_000 }).catch(() => ({
      stdout: '',
    }));
    if (isRecent(name, candidate, /\d+(\.\d+)*/.exec(stdout)?.[0], remarks)) return candidate;
  }
  return null;
}

/** An unknown version is accepted. */
function isRecent(
  name: ServerName,
  program: string,
  version: string | undefined,
  remarks: string[],
): boolean {
  if (version === undefined) return true;
  const { version: oldest, why } = OLDEST[name];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return true;
  remarks.push(`${program} is version ${version}; Pulse needs ${oldest.join('.')} for ${why}.`);
  return false;
}

function candidates(name: string, folders: readonly string[]): string[] {
  return folders.map((folder) => join(folder, name)).filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function foldersOf({ path, places }: ProgramSearch): string[] {
  return [...new Set([...path, ...places.flatMap(expand)])];
}

/** Expands one `*` in a path, the highest version first. */
function expand(place: string): string[] {
  const at = place.indexOf('*');
  if (at === -1) return [place];
  const parent = dirname(place.slice(0, at + 1));
  const prefix = place.slice(parent.length + 1, at);
  const rest = place.slice(at + 1);
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .filter((name) => name.startsWith(prefix))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(parent, name) + rest);
}
