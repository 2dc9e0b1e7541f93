/** Files that a user names on the command line; `-` is standard input. */
import { closeSync, openSync, readSync } from 'node:fs';
import { codeOf } from '../core/errors.ts';
import { misused } from './command.ts';

export interface InputOptions {
  /** What the error begins with. */
  readonly subject: string;
  readonly bytesMax: number;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * Reads a file.
 *
 * @returns The whole file, or only the beginning, longer than `bytesMax`, of one that has more.
 * @throws RejectedError PULSE_USAGE_INVALID It cannot be read.
 */
export function readInput(file: string, { subject, bytesMax }: InputOptions): Buffer {
  let descriptor: number | undefined;
  try {
    descriptor = file === '-' ? 0 : openSync(file, 'r');
    return readBeginning(descriptor, bytesMax);
  } catch (error) {
    throw misused(`${subject} cannot be read (${codeOf(error) ?? 'unknown'}).`);
  } finally {
    if (descriptor !== undefined && file !== '-') closeSync(descriptor);
  }
}

function readBeginning(descriptor: number, bytesMax: number): Buffer {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length <= bytesMax) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const byteCount = readSync(descriptor, chunk);
    if (byteCount === 0) break;
    chunks.push(chunk.subarray(0, byteCount));
    length += byteCount;
  }
  return Buffer.concat(chunks, length);
}
