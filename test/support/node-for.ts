/** Node.js for another user, who may not have access to this one's executable. */
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UserIds } from '../../src/private-servers/process-spec.ts';

/** @param folder Gets a copy if the user cannot run the original. The user must be able to read it. */
export function nodeFor(user: UserIds, folder: string): string {
  const canRun = spawnSync(process.execPath, ['--version'], { cwd: '/', ...user }).status === 0;
  if (canRun) return process.execPath;
  const copy = join(folder, 'node');
  copyFileSync(process.execPath, copy);
  return copy;
}
