/** The folder for the files of private servers. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, RejectedError } from '../core/errors.ts';

/**
 * Creates it unless it exists.
 *
 * @throws RejectedError PULSE_SERVICES_FAILED when this user cannot write there.
 */
export function ensureWritableFolder(directory: string): void {
  try {
    // The parent has the default mode, because the user that runs Postgres must be able to enter it.
    mkdirSync(dirname(directory), { recursive: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new RejectedError(
      'PULSE_SERVICES_FAILED',
      `The private servers cannot keep their files in ${directory} (${codeOf(error) ?? 'unknown'}). ` +
        'Run Pulse in a folder that you may write to, or use your own servers: ' +
        'set RABBITMQ_URL, REDIS_URL and DATABASE_URL.',
      { cause: error },
    );
  }
}
