/** Turning debug logs on and off while the process runs. */
import type { Logger, LoggerOptions, LogLevel } from './logger.ts';

export interface LogSwitch {
  /** What a logger of another thread needs to write as this process does now. */
  readonly options: LoggerOptions;
  /** From the usual level to `debug` and back; from a usual level that is as fine as that, to `info`. */
  readonly toggle: () => void;
  /** Tells each new level, for loggers of other threads. */
  readonly onChange: (listener: (level: LogLevel) => void) => void;
}

/** @param options What the logger was created with; its level is the usual one. */
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
