/** Announces an instance to other processes in its state file, and keeps the file up to date. */
import { toError } from '../core/errors.ts';
import { folderIdentity } from './folder-identity.ts';
import type { Announcement } from './guardian-protocol.ts';
import { processIdentity } from './process-identity.ts';
import type { Restarts } from './restarts.ts';
import { removeRunningState, writeRunningState } from './running-state.ts';
import type { Supervisor } from './supervisor.ts';

export interface Announcer {
  /** @throws RejectedError PULSE_SERVICES_FAILED when the file cannot be written; nothing is announced then. */
  announce(announcement: Announcement): void;
  /** Null before the first announcement and after `withdraw`. */
  current(): Announcement | null;
  /** Announces now, or when the file can be written. */
  keep(announcement: Announcement): void;
  /** Writes the present state, if the instance is announced; now, or when the file can be written. */
  publish(): void;
  withdraw(): Announcement | null;
}

export interface AnnouncerOptions {
  readonly directory: string;
  readonly supervisor: Pick<Supervisor, 'pids'>;
  readonly restarts: Pick<Restarts, 'abandoned'>;
  /** Gets a sentence for people when the file cannot be written, once until it can be. */
  readonly onNotice: (sentence: string) => void;
}

const RETRY_MS = 1_000;

export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { directory, supervisor, restarts, onNotice } = options;
  const startedAt = new Date().toISOString();
  const folder = folderIdentity(directory);
  let announcement: Announcement | null = null;
  let retry: NodeJS.Timeout | undefined;

  function write(announced: Announcement): void {
    // A new folder of that name belongs to another guardian.
    if (folderIdentity(directory) !== folder) throw new Error(`${directory} is no longer there.`);
    writeRunningState(directory, {
      ...announced,
      guardianPid: process.pid,
      guardianIdentity: processIdentity(process.pid) ?? '',
      startedAt,
      processes: supervisor.pids(),
      abandoned: restarts.abandoned(),
    });
    clearInterval(retry);
    retry = undefined;
  }

  /** A full disk must not end the servers, which go on without the file. */
  function publish(): void {
    if (announcement === null) return;
    try {
      write(announcement);
    } catch (error) {
      if (retry !== undefined) return;
      retry = setInterval(publish, RETRY_MS).unref();
      const { message } = toError(error);
      onNotice(
        `The state of the private servers is not up to date, and is written later: ${message}`,
      );
    }
  }

  return {
    announce(next) {
      write(next);
      announcement = next;
    },
    current: () => announcement,
    keep(next) {
      announcement = next;
      publish();
    },
    publish,
    withdraw() {
      const withdrawn = announcement;
      announcement = null;
      clearInterval(retry);
      retry = undefined;
      removeRunningState(directory);
      return withdrawn;
    },
  };
}
