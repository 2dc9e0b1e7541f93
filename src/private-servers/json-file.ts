/** JSON files that several processes read. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { codeOf } from '../core/errors.ts';

/** Null when there is no such file, or when its content is not JSON. */
export function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Replaces the file atomically. Only its owner can read it, because it holds passwords. */
export function replaceJsonFile(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
