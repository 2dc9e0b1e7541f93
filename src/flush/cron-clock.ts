/** The ticks of a cron expression, one instant at a time. */
import { createTask } from 'node-cron';

export interface CronClock {
  /** Ticks are on multiples of it. */
  readonly stepMs: number;
  ticksAt(atMs: number): boolean;
  close(): void;
}

/** @param cron In UTC. */
export function readCron(cron: string): CronClock {
  const task = createTask(cron, () => undefined, { timezone: 'UTC' });
  return {
    // With five fields, ticks are on full minutes only.
    stepMs: cron.trim().split(/\s+/).length > 5 ? 1_000 : 60_000,
    ticksAt: (atMs) => task.match(new Date(atMs)),
    close: () => {
      void task.destroy();
    },
  };
}

export function floorTo(stepMs: number, atMs: number): number {
  return Math.floor(atMs / stepMs) * stepMs;
}
