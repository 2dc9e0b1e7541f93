/** Closing what was opened, in reverse order, whatever fails on the way. */
import type { Logger } from './logger.ts';

export interface Closer {
  /** Remembers how to close something that has just been opened. */
  add(name: string, close: () => void | Promise<void>): void;
  /** Closes everything, last opened first. Failures are logged, never thrown. Repeated calls share one run. */
  close(): Promise<void>;
}

export function createCloser(logger: Logger): Closer {
  const open: { name: string; close: () => void | Promise<void> }[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async (): Promise<void> => {
    for (let part = open.pop(); part !== undefined; part = open.pop()) {
      try {
        await part.close();
      } catch (error) {
        logger.warn({ err: error, part: part.name }, 'could not close cleanly');
      }
    }
  };
  return {
    add(name, close) {
      open.push({ name, close });
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}
