/** Creates a file that several processes may create at once. */
import { linkSync } from 'node:fs';
import { codeOf } from '../core/errors.ts';

/** Gives a whole file a second name. @returns False if another process was first. */
export function linkFile(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}
