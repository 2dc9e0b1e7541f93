/** What a guardian guards: the servers' processes, their announcement, and the guests that use them. */
import { createAnnouncer, type Announcer } from './announcer.ts';
import { releaseLock } from './directory-lock.ts';
import type { GuardianOptions, GuardianOrder, GuardianReport } from './guardian-protocol.ts';
import { folderIdentity, watchFolder } from './folder-identity.ts';
import { liveGuests } from './guests.ts';
import { removeTree } from './process-ending.ts';
import { createRestarts, type Restarts } from './restarts.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

export interface Guarded {
  obey(order: GuardianOrder): Promise<void>;
  /** Whether the servers outlive the parent. */
  isReleased(): boolean;
  /** The parent is gone, or no longer needs the servers: ends, unless guests use them. */
  leave(): Promise<void>;
  /** Starts what has ended, at once. */
  retry(): void;
  /** Stops the servers and this process. A second call waits for the first. */
  end(): Promise<never>;
}

export interface GuardedOptions extends GuardianOptions {
  readonly hasDeathSignal: boolean;
  readonly report: (content: GuardianReport) => void;
}

const GUESTS_POLL_MS = 500;

export function createGuarded(options: GuardedOptions): Guarded {
  const { directory, keepFiles, report } = options;
  const adopted: string[] = [];
  let ending: Promise<never> | null = null;
  const onNotice = (sentence: string): void => {
    // Standard error is the guardian's log.
    process.stderr.write(`${new Date().toISOString()} ${sentence}\n`);
    report({ kind: 'notice', sentence });
  };
  const { supervisor, restarts, watch } = createWatched(options, {
    onNotice,
    onChange() {
      announcer.publish();
    },
  });
  const announcer = createAnnouncer({ directory, supervisor, restarts, onNotice });
  const end = (): Promise<never> => (ending ??= endAll());
  const folder = folderIdentity(directory);
  watchFolder(directory, () => {
    onNotice(`${directory} was removed, and its private servers end.`);
    void end();
  });
  const leave = createLeave({ directory, announcer, end });

  async function endAll(): Promise<never> {
    announcer.withdraw();
    restarts.close();
    await supervisor.stopAll(keepFiles ? 'orderly' : 'quick');
    releaseLock(directory);
    if (!keepFiles) {
      // A new folder of that name belongs to others.
      const isThere = folderIdentity(directory) === folder;
      for (const path of [...(isThere ? [directory] : []), ...adopted]) removeTree(path);
    }
    process.exit(0);
  }

  return {
    isReleased: () => announcer.current()?.attachedTo === null,
    end,
    leave: () => ending ?? leave(),
    retry() {
      restarts.retryAll();
    },
    async obey(order) {
      switch (order.kind) {
        case 'start':
          return supervisor.start(order.spec);
        case 'restart':
          await supervisor.restart(order.name);
          announcer.publish();
          return;
        case 'signal':
          return supervisor.signal(order.name, order.signal);
        case 'watch':
          watch(order.name);
          return;
        case 'adopt':
          adopted.push(order.directory);
          return;
        case 'announce':
          if (ending === null) announcer.announce(order.announcement);
          return;
        case 'leave':
          return this.leave();
        case 'stop':
          await end();
      }
    },
  };
}

/** The processes; those that are watched start again when they end by themselves. */
function createWatched(
  { hasDeathSignal, report }: GuardedOptions,
  { onNotice, onChange }: { onNotice: (sentence: string) => void; onChange: () => void },
): { supervisor: Supervisor; restarts: Restarts; watch: (name: string) => void } {
  const watched = new Set<string>();
  const supervisor = createSupervisor({
    hasDeathSignal,
    onExit(end) {
      const { name } = end.spec;
      report({ kind: 'exited', name, outcome: end.outcome });
      if (!end.isExpected && watched.has(name)) restarts.ended(end);
      onChange();
    },
  });
  const restarts = createRestarts({
    async restart(name) {
      await supervisor.restart(name);
      onChange();
    },
    onNotice(sentence) {
      onNotice(sentence);
      onChange();
    },
  });
  return {
    supervisor,
    restarts,
    watch(name) {
      watched.add(name);
      // It may have ended just before.
      const end = supervisor.unexpectedEnd(name);
      if (end !== null) restarts.ended(end);
    },
  };
}

/** What to do when the parent leaves, and again whenever the guest that the servers are attached to is gone. */
function createLeave({
  directory,
  announcer,
  end,
}: {
  readonly directory: string;
  readonly announcer: Announcer;
  readonly end: () => Promise<never>;
}): () => Promise<void> {
  let poll: NodeJS.Timeout | undefined;
  const leave = async (): Promise<void> => {
    // First this, then the look for guests: one that registers later sees that there is no announcement.
    const announcement = announcer.withdraw();
    const [guest] = announcement === null ? [] : liveGuests(directory);
    if (announcement === null || guest === undefined) {
      clearInterval(poll);
      await end();
      return;
    }
    announcer.keep({ ...announcement, attachedTo: guest });
    poll ??= setInterval(() => {
      const { attachedTo = null } = announcer.current() ?? {};
      if (attachedTo === null || !liveGuests(directory).includes(attachedTo)) void leave();
    }, GUESTS_POLL_MS);
  };
  return leave;
}
