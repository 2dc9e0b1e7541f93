/**
 * Files with a manifest beside each. Both are written under other names and then renamed, so whatever has its final
 * name is whole.
 *
 * In the folder of exports, the name holds the fence of the attempt: a process that was frozen and wakes up never touches
 * the file of another.
 */
import { constants } from 'node:fs';
import { access, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FatalError, codeOf } from '../core/errors.ts';
import { ExportFailure, extensionOf, type FileShape } from './exports.ts';
import type { Manifest } from './manifest.ts';

const PART = '.part';
export const MANIFEST = '.manifest.json';
const MODE = 0o600;

/** One attempt at an export. */
export interface Attempt extends FileShape {
  readonly id: string;
  readonly fence: number;
}

/** The name of the finished file of an attempt. */
export function fileNameOf(attempt: Attempt): string {
  return `${attempt.id}.${attempt.fence}.${extensionOf(attempt)}`;
}

/** @throws FatalError PULSE_EXPORT_DIRECTORY The folder cannot be made or written to. */
export async function openExportDirectory(directory: string): Promise<void> {
  try {
    await makeDirectory(directory);
    // A file of that name is not a folder.
    await access(`${directory}/.`, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const detail = `EXPORT_DIR (${directory}) cannot be used: ${String(codeOf(error))}.`;
    throw new FatalError('PULSE_EXPORT_DIRECTORY', detail, { cause: error });
  }
}

/**
 * Makes a folder and those above it. The `recursive` of Node.js 20 never ends where the kernel answers ENOENT for a new
 * folder in one that exists, as it does in /proc.
 */
async function makeDirectory(directory: string): Promise<void> {
  const make = () =>
    mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  await make().catch(async (error: unknown) => {
    const parent = dirname(directory);
    if (codeOf(error) !== 'ENOENT' || parent === directory) throw error;
    await makeDirectory(parent);
    await make();
  });
}

/** Opens a new file for writing, readable by its owner only. One of the same name is replaced. */
export async function openPart(path: string): Promise<FileHandle> {
  await rm(`${path}${PART}`, { force: true });
  return open(`${path}${PART}`, 'wx', MODE);
}

/** Opens what `openPart` wrote. */
export function openWrittenPart(path: string): Promise<FileHandle> {
  return open(`${path}${PART}`, 'r');
}

/** Writes the manifest of the file with this path. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const file = await openPart(`${path}${MANIFEST}`);
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives the manifest and then the file their final names, durably: a file with its final name has its manifest. */
export async function publishParts(path: string): Promise<void> {
  for (const name of [`${path}${MANIFEST}`, path]) {
    await rename(`${name}${PART}`, name);
    const folder = await open(dirname(name), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/** Removes what was written and not published. */
export async function removeParts(path: string): Promise<void> {
  await removeAll([`${path}${PART}`, `${path}${MANIFEST}${PART}`]);
}

/** Removes every file of an attempt. */
export async function removeFiles(directory: string, attempt: Attempt): Promise<void> {
  const path = join(directory, fileNameOf(attempt));
  await removeParts(path);
  await removeAll([path, `${path}${MANIFEST}`]);
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
}

const FILE = /^([0-9a-f-]{36})\.(\d{1,10})\.[a-z.]+$/;

/** A file of an export, whole or not. */
export interface FoundFile {
  readonly path: string;
  readonly id: string;
  readonly fence: number;
  readonly modifiedAt: Date;
}

/** Every file in the folder whose name is that of an export. */
export async function listFiles(directory: string): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for (const name of await readdir(directory)) {
    const [, id, fence] = FILE.exec(name) ?? [];
    if (id === undefined || fence === undefined) continue;
    const path = join(directory, name);
    const known = await stat(path).catch(() => undefined);
    if (known !== undefined)
      found.push({ path, id, fence: Number(fence), modifiedAt: known.mtime });
  }
  return found;
}

const FULL = new Map([
  ['ENOSPC', 'disk_full'],
  ['EDQUOT', 'disk_full'],
  ['EFBIG', 'disk_full'],
]);

/** A disk that is full, or fails, is a reason why an export failed. Other errors stay as they are. */
export function toFileFailure(error: unknown): unknown {
  const code = String(codeOf(error));
  const full = FULL.get(code);
  if (full !== undefined) {
    return new ExportFailure(full, `The disk is full (${code}).`, { cause: error });
  }
  if (['EIO', 'EROFS', 'EACCES', 'EPERM'].includes(code)) {
    return new ExportFailure('disk_failed', `The folder cannot be written (${code}).`, {
      cause: error,
    });
  }
  return error;
}
