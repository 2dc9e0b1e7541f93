/** Turns debug logs on and off while the process runs. */
import type { Logger, LoggerOptions, LogLevel } from './logger.ts';

export interface LogSwitch {
  /** The current options, for the logger of a new thread. */
  readonly options: LoggerOptions;
  /** Switches between the configured level and `debug`; or `info`, if the configured level is `debug` or `trace`. */
  readonly toggle: () => void;
  /** Calls `listener` with each new level, so that loggers of other threads can follow. */
  readonly onChange: (listener: (level: LogLevel) => void) => void;
}

/** @param options Those the logger was created with. */
export function createLogSwitch(logger: Logger, options: LoggerOptions): LogSwitch {
  const listeners: ((level: LogLevel) => void)[] = [];
  const other = ['debug', 'trace'].includes(options.level) ? 'info' : 'debug';
  let level = options.level;
  return {
    get options() {
      return { ...options, level };
    },
    toggle() {
      level = level === options.level ? other : options.level;
      logger.warn({ level }, 'log level changed');
      logger.level = level;
      for (const listener of listeners) listener(level);
    },
    onChange(listener) {
      listeners.push(listener);
    },
  };
}
