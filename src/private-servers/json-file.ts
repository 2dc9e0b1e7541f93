/** JSON files that several processes read. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { codeOf } from '../core/errors.ts';
import { toFileFailure } from './file-failure.ts';

/**
 * Null when there is no such file, or when its content is not JSON.
 *
 * @throws RejectedError PULSE_SERVICES_FAILED when it cannot be read.
 */
export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw toFileFailure(error, path);
  }
}

/**
 * Replaces the file atomically. Only its owner can read it, because it holds passwords.
 *
 * @throws RejectedError PULSE_SERVICES_FAILED when it cannot be written; the file is then as it was.
 */
export function replaceJsonFile(path: string, value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  try {
    // Without the flush, the machine may crash and leave an empty file.
    writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw toFileFailure(error, path);
  }
}
