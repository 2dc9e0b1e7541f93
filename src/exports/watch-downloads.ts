/** Ends downloads of exports that are no longer ready: a removed file takes disk for as long as somebody reads it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { whenOver } from '../http/answer-deadline.ts';
import { findNeeded, type Queryable } from './exports-query.ts';
import type { Attempt } from './export-files.ts';

/** How often the exports of all open downloads are looked up. */
const CHECK_MS = 2_000;

/** @returns Watches a download until it is over. It may have been deleted or have expired in any process. */
export function createDownloadWatch(db: Queryable): (reply: FastifyReply, of: Attempt) => void {
  const downloads = new Map<FastifyReply, Attempt>();
  let isWatching = false;

  const watch = async (): Promise<void> => {
    isWatching = true;
    while (downloads.size > 0) {
      // While Postgres is unavailable, nothing is known of them.
      await endUnneeded(db, [...downloads]).catch(() => undefined);
      await delay(CHECK_MS, undefined, { ref: false });
    }
    isWatching = false;
  };

  return (reply, attempt) => {
    downloads.set(reply, attempt);
    whenOver(reply, () => downloads.delete(reply));
    if (!isWatching) void watch();
  };
}

async function endUnneeded(
  db: Queryable,
  downloads: readonly (readonly [FastifyReply, Attempt])[],
): Promise<void> {
  const needed = await findNeeded(
    db,
    downloads.map(([, attempt]) => attempt),
  );
  for (const [reply, { id, fence }] of downloads) {
    if (needed.has(`${id}.${fence}`)) continue;
    reply.log.info({ id }, 'download cut off: its export is no longer ready');
    // An answer that waits behind another has no socket of its own yet.
    reply.request.socket.destroy();
  }
}
