/** A new file that a user named for the result of a command. */
import { open, rm } from 'node:fs/promises';
import { throwFileFault } from './file-fault.ts';

export interface NewFile {
  /** Writes the whole content. @throws FatalError PULSE_FILE_FAILED The disk is full, or fails. */
  write(content: string | Buffer): Promise<void>;
}

export interface NewFileName {
  readonly path: string;
  /** The option that named it, such as `--output`. */
  readonly option: string;
}

/**
 * Creates the file before the work, which may not be done again, and removes it unless it was written whole.
 *
 * @throws RejectedError PULSE_USAGE_INVALID It exists, or cannot be created.
 * @throws FatalError PULSE_FILE_FAILED The disk is full, or fails.
 */
export async function withNewFile<T>(
  { path, option }: NewFileName,
  work: (file: NewFile) => Promise<T>,
): Promise<T> {
  const toFault = (error: unknown) => throwFileFault(error, path, option);
  const file = await open(path, 'wx', 0o600).catch(toFault);
  let isWhole = false as boolean;
  try {
    return await work({
      async write(content) {
        await file.writeFile(content).catch(toFault);
        isWhole = true;
      },
    });
  } finally {
    await file.close();
    if (!isWhole) await rm(path, { force: true });
  }
}
