/** Where Postgres keeps its files, and as whom it runs: as root it refuses to start. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FatalError } from '../core/errors.ts';
import type { UserIds } from './process-spec.ts';

export interface PostgresPlace {
  readonly directory: string;
  /** Absent: the current user. */
  readonly user?: UserIds;
}

export interface PostgresPlaceOptions {
  /** The instance's directory. */
  readonly directory: string;
  readonly keepFiles: boolean;
  /** Called before a place outside `directory` is made, so that somebody will remove it. */
  readonly adopt: (place: string) => Promise<void>;
}

/** Outside of temporary directories, which are emptied at times. */
const KEPT_PLACES = '/var/lib/pulse';

/** Who may run it when this process is root, best first. */
const USERNAMES = ['postgres', 'nobody'];

/**
 * Makes or finds the place: `postgres` in the instance's directory. For root, when the unprivileged
 * user cannot get there (a clone under /root), it becomes a link to a place where that user can.
 *
 * @throws FatalError PULSE_SERVICES_FAILED when this process is root and there is no other user or place.
 */
export async function preparePostgresPlace(options: PostgresPlaceOptions): Promise<PostgresPlace> {
  const own = join(options.directory, 'postgres');
  if (process.getuid?.() !== 0) {
    mkdirSync(own, { recursive: true, mode: 0o700 });
    return { directory: own };
  }
  // Entering is all that others need; nothing in it is readable to them.
  chmodSync(options.directory, 0o711);
  if (existsSync(own) && statSync(own).uid !== 0) return existingPlace(own);
  // What is left is a link to a place that is gone, or a place that was only half made.
  rmSync(own, { recursive: true, force: true });
  const user = unprivilegedUser();
  if (makePlace(own, user)) return { directory: own, user };
  rmSync(own, { recursive: true, force: true });
  for (const parent of options.keepFiles ? [KEPT_PLACES] : [tmpdir(), '/tmp', '/var/tmp']) {
    const place = join(parent, `pulse-postgres-${randomBytes(6).toString('hex')}`);
    if (!options.keepFiles) await options.adopt(place);
    if (makePlace(place, user)) {
      symlinkSync(place, own);
      return { directory: place, user };
    }
    rmSync(place, { recursive: true, force: true });
  }
  throw new FatalError(
    'PULSE_SERVICES_FAILED',
    'Postgres refuses to run as root, and no directory was found that an unprivileged user may enter.',
  );
}

/** Files of an earlier run belong to whom it was run as; that user goes on with them. */
function existingPlace(own: string): PostgresPlace {
  const { uid, gid } = statSync(own);
  const user = { uid, gid };
  if (isReachable(own, user)) return { directory: realpathSync(own), user };
  throw new FatalError(
    'PULSE_SERVICES_FAILED',
    `Postgres cannot use its files in ${own}: its user (uid ${uid}) may not enter. Was the directory moved?`,
  );
}

function unprivilegedUser(): UserIds {
  for (const username of USERNAMES) {
    try {
      const [uid = NaN, gid = NaN] = ['-u', '-g'].map((flag) =>
        Number(execFileSync('id', [flag, username], { stdio: ['ignore', 'pipe', 'ignore'] })),
      );
      if (Number.isInteger(uid) && Number.isInteger(gid)) return { uid, gid };
    } catch {
      // There is no such user: the next one may exist.
    }
  }
  throw new FatalError(
    'PULSE_SERVICES_FAILED',
    `Postgres refuses to run as root, and there is no user ${USERNAMES.join(' or ')} to run it as.`,
  );
}

/** @returns Whether the user can use the place that was made for them. */
function makePlace(place: string, user: UserIds): boolean {
  mkdirSync(place, { recursive: true });
  chmodSync(place, 0o700);
  chownSync(place, user.uid, user.gid);
  return isReachable(place, user);
}

/** Tries it as that user: permissions, access lists and mounts all have a say. */
function isReachable(place: string, { uid, gid }: UserIds): boolean {
  const script = 'cd "$0" && : > .reachable && rm .reachable';
  return (
    spawnSync('/bin/sh', ['-c', script, place], { cwd: '/', uid, gid, stdio: 'ignore' }).status ===
    0
  );
}
