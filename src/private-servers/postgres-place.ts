/** Where Postgres keeps its files, and which user it runs as: it refuses to run as root. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FatalError, RejectedError } from '../core/errors.ts';
import { isCopyOf, markOf, type FolderMark } from './folder-identity.ts';
import { readJsonFile, replaceJsonFile } from './json-file.ts';
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
  /** Called before a place outside `directory` is created, to have it removed later. */
  readonly adopt: (place: string) => Promise<void>;
}

/** Not a temporary directory, because the system may delete files there. */
const KEPT_PLACES = '/var/lib/pulse';

/** The users it may run as when this process is root, in order of preference. */
const USERNAMES = ['postgres', 'nobody'];

/**
 * Creates or finds the place: `postgres` in the instance's directory. If this process is root and the
 * unprivileged user cannot enter there (such as under /root), it is a link to a place which that user can enter.
 *
 * @throws FatalError PULSE_SERVICES_FAILED when this process is root and there is no usable user or place.
 * @throws RejectedError PULSE_SERVICES_FAILED when the place belongs to another folder.
 */
export async function preparePostgresPlace(options: PostgresPlaceOptions): Promise<PostgresPlace> {
  const place = await findOrMakePlace(options);
  if (options.keepFiles) claim(place.directory, options.directory);
  return place;
}

async function findOrMakePlace(options: PostgresPlaceOptions): Promise<PostgresPlace> {
  const own = join(options.directory, 'postgres');
  if (isLink(own) && existsSync(own)) refuseForeign(own, options.directory);
  if (process.getuid?.() !== 0) {
    mkdirSync(own, { recursive: true, mode: 0o700 });
    return { directory: own };
  }
  // Other users may only pass through; they cannot list or read anything here.
  chmodSync(options.directory, 0o711);
  if (existsSync(own) && statSync(own).uid !== 0) return existingPlace(own);
  // Only a link to a missing place or an incomplete place can be left here.
  rmSync(own, { recursive: true, force: true });
  const user = unprivilegedUser();
  if (makePlace(own, user)) return { directory: own, user };
  rmSync(own, { recursive: true, force: true });
  for (const parent of options.keepFiles ? [KEPT_PLACES] : [tmpdir(), '/tmp', '/var/tmp']) {
    const place = newPlaceIn(parent);
    if (!options.keepFiles) await options.adopt(place);
    if (makePlace(place, user)) {
      symlinkSync(place, own);
      return { directory: place, user };
    }
    rmSync(place, { recursive: true, force: true });
  }
  throw new FatalError(
    'PULSE_SERVICES_FAILED',
    'Postgres refuses to run as root, and there is no directory that an unprivileged user can use.',
  );
}

interface PlaceOwner extends FolderMark {
  /** The inode of the place: a copy of the place has no owner. */
  readonly place: string;
}

const OWNER_NAME = 'owner.json';

/** Records whose place it is, because a copy of the folder has a copy of the link. */
function claim(place: string, directory: string): void {
  const owner: PlaceOwner = { ...markOf(directory), place: markOf(place).inode };
  replaceJsonFile(join(place, OWNER_NAME), owner);
}

function refuseForeign(own: string, directory: string): void {
  const place = realpathSync(own);
  const owner = readJsonFile(join(place, OWNER_NAME)) as PlaceOwner | null;
  if (owner === null || owner.place !== markOf(place).inode) return;
  if (!isCopyOf(directory, owner)) return;
  const copy = newPlaceIn(dirname(place));
  throw new RejectedError(
    'PULSE_SERVICES_FAILED',
    `${directory} is a copy of ${owner.path}, and both have their Postgres files in ${place}. ` +
      'Stop the servers of the other folder, and give this one its own copy:\n' +
      `  cp -a '${place}' '${copy}' && ln -sfn '${copy}' '${own}'`,
  );
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function newPlaceIn(parent: string): string {
  return join(parent, `pulse-postgres-${randomBytes(6).toString('hex')}`);
}

/** Files of an earlier run belong to the user it ran as, who must be used again. */
function existingPlace(own: string): PostgresPlace {
  const { uid, gid } = statSync(own);
  const user = { uid, gid };
  // That user need not be able to enter the folder of the link.
  const directory = realpathSync(own);
  if (isReachable(directory, user)) return { directory, user };
  throw new FatalError(
    'PULSE_SERVICES_FAILED',
    `Postgres cannot use its files in ${directory}: their owner (uid ${uid}) cannot enter the directory. Was it moved?`,
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
      // There is no such user; try the next one.
    }
  }
  throw new FatalError(
    'PULSE_SERVICES_FAILED',
    `Postgres refuses to run as root, and there is no user ${USERNAMES.join(' or ')} to run it.`,
  );
}

/** @returns Whether the user can use the new place. */
function makePlace(place: string, user: UserIds): boolean {
  mkdirSync(place, { recursive: true });
  chmodSync(place, 0o700);
  chownSync(place, user.uid, user.gid);
  return isReachable(place, user);
}

/** Tries it as that user, because permissions, access lists and mounts all matter. */
function isReachable(place: string, { uid, gid }: UserIds): boolean {
  const script = 'cd "$0" && : > .reachable && rm .reachable';
  return (
    spawnSync('/bin/sh', ['-c', script, place], { cwd: '/', uid, gid, stdio: 'ignore' }).status ===
    0
  );
}
