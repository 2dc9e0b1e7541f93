/** Says why a file that a user named cannot be read or written. */
import { dirname } from 'node:path';
import { codeOf, FatalError } from '../core/errors.ts';
import { misused } from './command.ts';

const REASONS: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `There is no folder ${dirname(path)}. Create it, or name another file.`,
  ENOTDIR: (path) => `${dirname(path)} is not a folder. Name another file.`,
  EEXIST: (path) => `${path} exists. Name another file.`,
  EISDIR: (path) => `${path} is a folder. Name a file.`,
  EACCES: (path) => `You have no rights to ${path}. Change its rights, or name another file.`,
  EPERM: (path) => `You have no rights to ${path}. Change its rights, or name another file.`,
  EROFS: (path) => `${path} is on a disk that cannot be written to. Name another file.`,
  ENAMETOOLONG: (path) => `The name ${path} is too long. Choose a shorter one.`,
};

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * @param subject What the sentence begins with, such as `--output`.
 * @throws RejectedError PULSE_USAGE_INVALID, if another name helps.
 * @throws FatalError PULSE_FILE_FAILED The disk is full, or fails. Errors that are not of a file stay as they are.
 */
export function throwFileFault(error: unknown, path: string, subject: string): never {
  const code = String(codeOf(error));
  const reason = REASONS[code];
  if (reason !== undefined) throw misused(`${subject}: ${reason(path)}`);
  if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  const failure = FULL.has(code) ? 'The disk is full' : 'The file cannot be written';
  throw new FatalError('PULSE_FILE_FAILED', `${subject}: ${failure} (${code}).`, { cause: error });
}
