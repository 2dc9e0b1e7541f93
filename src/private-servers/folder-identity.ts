/** Tells a folder from its copies, which have the same files. */
import { fstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { codeOf } from '../core/errors.ts';

/** What a file says about the folder that something lasting belongs to. */
export interface FolderMark {
  readonly path: string;
  /** Without its device, whose number may change at a reboot. */
  readonly inode: string;
}

const WATCH_MS = 2_000;

/** Unique on this machine until it is rebooted; null if there is no such folder. A folder that is moved keeps it. */
export function folderIdentity(directory: string): string | null {
  const found = idsOf(directory);
  return found === null ? null : `${found.dev}:${found.ino}`;
}

/** The folder must exist. */
export function markOf(directory: string): FolderMark {
  const path = realpathSync(directory);
  return { path, inode: String(idsOf(path)?.ino) };
}

/**
 * Whether the folder of the mark is still there and is another one: `directory` is its copy. A folder that was moved
 * or restored is no copy, because its old place is empty or holds something else.
 */
export function isCopyOf(directory: string, { path, inode }: FolderMark): boolean {
  const marked = idsOf(path);
  if (marked === null || String(marked.ino) !== inode) return false;
  return folderIdentity(directory) !== folderIdentity(path);
}

/**
 * Calls `onRemoved` once after the folder was removed. A folder that was moved is still there.
 *
 * It is kept open, so that no other folder gets its inode. Keeps no process alive.
 */
export function watchFolder(directory: string, onRemoved: () => void): void {
  const descriptor = openSync(directory, 'r');
  const own = folderIdentity(directory);
  const timer = setInterval(() => {
    // Some file systems count no links.
    if (fstatSync(descriptor).nlink > 0 || folderIdentity(directory) === own) return;
    clearInterval(timer);
    onRemoved();
  }, WATCH_MS);
  timer.unref();
}

function idsOf(path: string): { readonly dev: bigint; readonly ino: bigint } | null {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(String(codeOf(error)))) return null;
    throw error;
  }
}
