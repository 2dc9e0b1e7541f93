/** Files that a user names on the command line; `-` is standard input. */
import { readFileSync } from 'node:fs';
import { misused } from './command.ts';

/**
 * Reads a whole file.
 *
 * @param subject What the error begins with.
 * @throws RejectedError PULSE_USAGE_INVALID It cannot be read.
 */
export function readInput(file: string, subject: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw misused(`${subject} cannot be read (${code}).`);
  }
}
