/** Says why a file of private servers cannot be read or written, and what to do. */
import { codeOf, PulseError, RejectedError } from '../core/errors.ts';

const RIGHTS =
  'This user has no rights to it. Run Pulse as the user that started private servers in this folder, ' +
  'or in another folder.';
const FULL = 'The disk is full, or has no more space for this user. Free some, and try again.';

const REASONS: Readonly<Record<string, string>> = {
  ENOTDIR:
    'A part of that path is a file, not a folder. Remove it, or run Pulse in another folder.',
  EISDIR: 'It is a folder, not a file. Remove it, or run Pulse in another folder.',
  EACCES: RIGHTS,
  EPERM: RIGHTS,
  ENOSPC: FULL,
  EDQUOT: FULL,
  EFBIG: FULL,
  EROFS: 'The disk cannot be written to. Run Pulse in another folder.',
};

/**
 * @param path Named if the error has none.
 * @returns The error for people, PULSE_SERVICES_FAILED; an error of another kind as it is.
 */
export function toFileFailure(error: unknown, path: string): unknown {
  const failed = (error as NodeJS.ErrnoException).path ?? path;
  const code = String(codeOf(error));
  const reason = REASONS[code];
  if (error instanceof PulseError || reason === undefined) return error;
  return new RejectedError(
    'PULSE_SERVICES_FAILED',
    `Private servers cannot use ${failed} (${code}). ${reason}`,
    { cause: error },
  );
}
