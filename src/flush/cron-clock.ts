/** When a cron expression ticks, in UTC. Days and times are searched apart, so even a rare tick is found at once. */
import { createTask, parse } from 'node-cron';

export interface CronClock {
  /** The last tick at `atMs` or before it; undefined if there was none in a hundred years. */
  lastTick(atMs: number): number | undefined;
  /** The first tick after `afterMs`; undefined if there is none in a hundred years. */
  nextTick(afterMs: number): number | undefined;
  /** How many ticks are in (afterMs, untilMs]. */
  countTicks(span: { readonly afterMs: number; readonly untilMs: number }): number;
}

const DAY_MS = 86_400_000;
/** node-cron does not look further either. */
const DAYS_MAX = 36_600;

/** @param cron Five or six fields, or a nickname such as `@hourly`. Must be valid. */
export function readCron(cron: string): CronClock {
  const times = readTimes(cron);
  const ticksOn = readDays(cron, times.at(0));
  const dayOf = (atMs: number): number => Math.floor(atMs / DAY_MS);
  const timesUntil = (day: number, atMs: number): number => times.countUntil(atMs - day * DAY_MS);
  return {
    lastTick(atMs) {
      const today = dayOf(atMs);
      for (let day = today; day > today - DAYS_MAX; day--) {
        const passed = ticksOn(day) ? timesUntil(day, atMs) : 0;
        if (passed > 0) return day * DAY_MS + times.at(passed - 1);
      }
      return undefined;
    },
    nextTick(afterMs) {
      const today = dayOf(afterMs);
      for (let day = today; day < today + DAYS_MAX; day++) {
        const passed = ticksOn(day) ? timesUntil(day, afterMs) : times.count;
        if (passed < times.count) return day * DAY_MS + times.at(passed);
      }
      return undefined;
    },
    countTicks({ afterMs, untilMs }) {
      let ticks = 0;
      for (let day = dayOf(afterMs); day <= dayOf(untilMs); day++) {
        if (ticksOn(day)) ticks += timesUntil(day, untilMs) - timesUntil(day, afterMs);
      }
      return Math.max(0, ticks);
    },
  };
}

/** The ticks of a day that has some, in order: the one with index 0 is the first of the day. */
function readTimes(cron: string) {
  const fields = parse(cron);
  const hours = inOrder(fields.hour);
  const minutes = inOrder(fields.minute);
  const seconds = inOrder(fields.second);
  const perHour = minutes.length * seconds.length;
  return {
    count: hours.length * perHour,
    /** In milliseconds since midnight. */
    at(index: number): number {
      const hour = hours[Math.floor(index / perHour)] ?? 0;
      const minute = minutes[Math.floor((index % perHour) / seconds.length)] ?? 0;
      const second = seconds[index % seconds.length] ?? 0;
      return ((hour * 60 + minute) * 60 + second) * 1000;
    },
    /** How many are at `timeMs` since midnight or before it. May be of another day. */
    countUntil(timeMs: number): number {
      const at = Math.floor(timeMs / 1000);
      const [hour, minute] = [Math.floor(at / 3600), Math.floor(at / 60) % 60];
      let count = countBelow(hours, hour) * perHour;
      if (!hours.includes(hour)) return count;
      count += countBelow(minutes, minute) * seconds.length;
      return minutes.includes(minute) ? count + countBelow(seconds, (at % 60) + 1) : count;
    },
  };
}

/**
 * Tells whether a day, counted from 1970, has ticks.
 *
 * @param firstTimeMs The time of the first tick of such a day.
 */
function readDays(cron: string, firstTimeMs: number): (day: number) => boolean {
  const { month: months, dayOfMonth: days, dayOfWeek } = parse(cron);
  // 5L and 5#3 are Fridays.
  const weekdays = dayOfWeek.map((value) => parseInt(String(value), 10));
  const canBeAnyDay = days.some(isToken);
  const canTick = (date: Date): boolean =>
    months.includes(date.getUTCMonth() + 1) &&
    weekdays.includes(date.getUTCDay()) &&
    (canBeAnyDay || days.includes(date.getUTCDate()));
  if (!canBeAnyDay && !dayOfWeek.some(isToken)) return (day) => canTick(new Date(day * DAY_MS));
  // What L, 15W and 5#3 mean is left to node-cron, which takes longer for each day. The task never starts; destroyed,
  // it is not kept in node-cron's list.
  const task = createTask(cron, () => undefined, { timezone: 'UTC' });
  void task.destroy();
  return (day) => {
    const firstTick = new Date(day * DAY_MS + firstTimeMs);
    return canTick(firstTick) && task.match(firstTick);
  };
}

function isToken(value: number | string): boolean {
  return typeof value === 'string';
}

/** Without duplicates, which an expression may have. */
function inOrder(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

function countBelow(values: readonly number[], limit: number): number {
  return values.filter((value) => value < limit).length;
}
