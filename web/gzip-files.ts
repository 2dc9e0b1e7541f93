/** Writes a compressed copy beside each file at build time, so that the server never compresses them. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** A smaller answer fits into one packet anyway. */
const BYTES_MIN = 1_400;

export function gzipFiles(folder: string): Plugin {
  return {
    name: 'gzip-files',
    apply: 'build',
    // Runs only after a build that succeeded.
    writeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const path = join(folder, name);
        if (!statSync(path).isFile() || statSync(path).size < BYTES_MIN) continue;
        const level = constants.Z_BEST_COMPRESSION;
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level }));
      }
    },
  };
}
