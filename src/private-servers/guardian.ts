/**
 * The guardian: a separate process that has the servers as children and ends them when its parent ends.
 *
 * It has three states.
 * - attached: the channel to the parent is open, and the parent decides. SIGINT and SIGTERM are ignored, so that
 *   Ctrl-C or a service manager that signals every process does not stop the servers while the parent still
 *   writes to them.
 * - released: by the parent, for `pulse services up`. SIGTERM stops the servers.
 * - ending: the parent asked for it or is gone for any reason. The servers stop, and then the directory is
 *   removed unless it is kept.
 */
import { releaseLock, takeLock } from './directory-lock.ts';
import type {
  Announcement,
  GuardianOptions,
  GuardianOrder,
  GuardianReport,
} from './guardian-protocol.ts';
import { removeTree } from './process-ending.ts';
import { processIdentity } from './process-identity.ts';
import { removeRunningState, writeRunningState } from './running-state.ts';
import { canSetDeathSignal, createSupervisor } from './supervisor.ts';

await guard(JSON.parse(process.argv[2] ?? '{}') as GuardianOptions);

async function guard(options: GuardianOptions): Promise<void> {
  const holder = takeLock(options.directory);
  if (holder !== null) {
    report({ kind: 'taken', holderPid: holder.pid }, () => {
      process.disconnect();
    });
    return;
  }
  const guarded = createGuarded(options, await canSetDeathSignal());
  listen(guarded);
  // The parent may have ended before this process was listening.
  if (!process.connected) await guarded.end();
  report({ kind: 'guarding' });
}

interface Guarded {
  obey(order: GuardianOrder): Promise<void>;
  isReleased(): boolean;
  /** Stops the servers and this process. A second call waits for the first. */
  end(): Promise<never>;
}

function listen(guarded: Guarded): void {
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('SIGTERM', () => {
    if (guarded.isReleased()) void guarded.end();
  });
  process.on('disconnect', () => {
    if (!guarded.isReleased()) void guarded.end();
  });
  // Released, and every server was stopped from outside: nothing is left to guard.
  process.on('beforeExit', () => void guarded.end());
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    void guarded.end();
  });
  process.on('message', (order: GuardianOrder) => {
    guarded.obey(order).then(
      () => {
        report({ kind: 'done', id: order.id });
      },
      (error: unknown) => {
        report({ kind: 'failed', id: order.id, reason: String(error) });
      },
    );
  });
}

function createGuarded(
  { directory, keepFiles }: GuardianOptions,
  hasDeathSignal: boolean,
): Guarded {
  const adopted: string[] = [];
  const startedAt = new Date().toISOString();
  let announcement: Announcement | null = null;
  let ending: Promise<never> | null = null;
  const supervisor = createSupervisor({
    hasDeathSignal,
    onExit(name, outcome) {
      report({ kind: 'exited', name, outcome });
      publish();
    },
  });

  function publish(): void {
    if (announcement === null || ending !== null) return;
    writeRunningState(directory, {
      ...announcement,
      guardianPid: process.pid,
      guardianIdentity: processIdentity(process.pid) ?? '',
      startedAt,
      processes: supervisor.pids(),
    });
  }

  async function endAll(): Promise<never> {
    removeRunningState(directory);
    await supervisor.stopAll(keepFiles ? 'orderly' : 'quick');
    releaseLock(directory);
    if (!keepFiles) {
      for (const path of [directory, ...adopted]) removeTree(path);
    }
    process.exit(0);
  }

  return {
    isReleased: () => announcement?.attachedTo === null,
    end: () => (ending ??= endAll()),
    async obey(order) {
      switch (order.kind) {
        case 'start':
          return supervisor.start(order.spec);
        case 'restart':
          await supervisor.restart(order.name);
          publish();
          return;
        case 'signal':
          return supervisor.signal(order.name, order.signal);
        case 'adopt':
          adopted.push(order.directory);
          return;
        case 'announce':
          ({ announcement } = order);
          publish();
          return;
        case 'stop':
          await (ending ??= endAll());
      }
    },
  };
}

/** A lost report does no harm: the parent also notices when the channel closes. */
function report(content: GuardianReport, sent: () => void = () => undefined): void {
  if (process.connected) process.send?.(content, undefined, undefined, sent);
}
