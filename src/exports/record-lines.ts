/** The lines of an answer on their way from Postgres to the file. */
import type { ExportFormat } from './exports.ts';

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;

interface RecordLines {
  /** Records that have ended so far. */
  readonly count: number;
  /** Takes any part of the answer. @returns What to write for it. */
  pass(chunk: Buffer): Buffer;
}

/** Counts records. CSV lines end with CRLF (RFC 4180), and Postgres writes LF; a line break in a field stays as it is. */
export function createRecordLines(format: ExportFormat): RecordLines {
  let count = 0;
  let isQuoted = false;
  return {
    get count() {
      return count;
    },
    pass(chunk) {
      if (format === 'ndjson') {
        count += countLineFeeds(chunk);
        return chunk;
      }
      const out = Buffer.allocUnsafe(chunk.length + countLineFeeds(chunk));
      let length = 0;
      for (const byte of chunk) {
        if (byte === QUOTE) isQuoted = !isQuoted;
        else if (byte === LF && !isQuoted) {
          out[length++] = CR;
          count += 1;
        }
        out[length++] = byte;
      }
      return out.subarray(0, length);
    },
  };
}

function countLineFeeds(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) count += 1;
  return count;
}
