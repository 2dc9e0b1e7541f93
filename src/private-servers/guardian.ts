/**
 * The guardian: a separate process that has the servers as children and ends them when its parent ends.
 *
 * It has four states.
 * - attached: the channel to the parent is open, and the parent decides. SIGINT and SIGTERM are ignored, so that
 *   Ctrl-C or a service manager that signals every process does not stop the servers while the parent still
 *   writes to them.
 * - released: by the parent, for `pulse services up`. SIGTERM stops the servers.
 * - hosting: the parent is gone, but guests use the servers. It ends when the last guest is gone, even by SIGKILL.
 * - ending: the parent asked for it, or it is gone for any reason and there are no guests. The servers stop, and then
 *   the directory is removed unless it is kept.
 *
 * Meanwhile, servers that end by themselves are started again. SIGUSR2 does so at once, also for abandoned ones.
 */
import { toError } from '../core/errors.ts';
import { takeLock } from './directory-lock.ts';
import { createGuarded, type Guarded } from './guarded.ts';
import { toFileFailure } from './file-failure.ts';
import type { GuardianOptions, GuardianOrder, GuardianReport } from './guardian-protocol.ts';
import { canSetDeathSignal } from './supervisor.ts';

await guard(JSON.parse(process.argv[2] ?? '{}') as GuardianOptions);

async function guard(options: GuardianOptions): Promise<void> {
  const refusal = tryLock(options.directory);
  if (refusal !== null) {
    report(refusal, () => {
      if (process.connected) process.disconnect();
    });
    return;
  }
  const guarded = createGuarded({
    ...options,
    hasDeathSignal: await canSetDeathSignal(),
    report,
  });
  listen(guarded);
  // The parent may have ended before this process was listening.
  if (!process.connected) await guarded.end();
  report({ kind: 'guarding' });
}

/** @returns Null when this process has the lock. */
function tryLock(directory: string): GuardianReport | null {
  try {
    const holder = takeLock(directory);
    return holder === null ? null : { kind: 'taken', holderPid: holder.pid };
  } catch (error) {
    return { kind: 'unable', reason: toError(toFileFailure(error, directory)).message };
  }
}

function listen(guarded: Guarded): void {
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('SIGTERM', () => {
    if (guarded.isReleased()) void guarded.end();
  });
  process.on('SIGUSR2', () => {
    guarded.retry();
  });
  process.on('disconnect', () => {
    if (!guarded.isReleased()) void guarded.leave();
  });
  // Released, and every server was stopped from outside: nothing is left to guard.
  process.on('beforeExit', () => void guarded.end());
  // Its log may be on a full disk.
  process.stderr.on('error', () => undefined);
  process.on('uncaughtException', (error) => {
    void guarded.end();
    process.stderr.write(`${error.stack ?? error.message}\n`);
  });
  process.on('message', (order: GuardianOrder) => {
    guarded.obey(order).then(
      () => {
        report({ kind: 'done', id: order.id });
      },
      (error: unknown) => {
        report({ kind: 'failed', id: order.id, reason: toError(error).message });
      },
    );
  });
}

/** A lost report does no harm: the parent also notices when the channel closes. */
function report(content: GuardianReport, sent: () => void = () => undefined): void {
  if (process.connected) process.send?.(content, undefined, undefined, sent);
}
