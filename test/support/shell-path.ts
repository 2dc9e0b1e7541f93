/** Where a shell that runs the documents' examples finds its programs. */
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

const STAND_INS = fileURLToPath(new URL('./stand-ins', import.meta.url));

/** The PATH, followed by stand-ins for curl and jq, which a bare machine lacks. */
export function shellPath(): string {
  return [process.env.PATH, STAND_INS].join(delimiter);
}
