/** Public files that anybody may ask for any number of times: they are kept in memory once, whoever reads them slowly. */
import { ReadStream, readFileSync } from 'node:fs';
import type { FastifyInstance } from 'fastify';

interface KeptFile {
  /** Changes with the file. */
  readonly etag: string;
  readonly bytes: Buffer;
}

/**
 * Adds a hook to a scope that serves a folder with `@fastify/static`, which opens a stream for each answer: one that
 * nobody reads holds an open file and its chunks. All answers with a kept file share its bytes.
 *
 * Only for a folder that belongs to the program, because every file of it that is asked for stays in memory.
 */
export function addKeptFiles(scope: FastifyInstance): void {
  const kept = new Map<string, KeptFile>();
  scope.addHook('onSend', (_request, reply, payload, done) => {
    if (!(payload instanceof ReadStream)) {
      done(null, payload);
      return;
    }
    payload.on('error', () => undefined).destroy();
    const path = String(payload.path);
    const etag = String(reply.getHeader('etag'));
    let file = kept.get(path);
    if (file?.etag !== etag) {
      // Not in the background: many would ask until it is read, and read it too.
      file = { etag, bytes: readFileSync(path) };
      kept.set(path, file);
    }
    done(null, file.bytes);
  });
}
