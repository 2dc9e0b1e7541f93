/**
 * Which ids an aggregator remembers and for how long: the generations of a shard. Values only, no clock and no Redis.
 *
 * New ids go into the last generation, the one in use. It is closed after a sixth of the window, or when it is full.
 * A closed one is forgotten when a whole window has passed since it was closed. So an id is remembered for at least a
 * window, and for little more than seven sixths of one, or of ten minutes: for so long a clock is not believed.
 */
import type { RedisTime } from './redis-clock.ts';
import { PART_BITS } from './seen-table.ts';

/** `in use` while `closedAtSec` is null, then closed; `compact` once all its ids are in segments. */
export interface Generation {
  readonly number: number;
  readonly openedAtSec: number;
  readonly closedAtSec: number | null;
  readonly count: number;
  /** Its segments, as a power of two; 0 while it is in use. */
  readonly segmentBits: number;
  readonly compact: boolean;
}

/** A forgotten generation, whose keys are still to be deleted. */
export type Dropping = Pick<Generation, 'number' | 'segmentBits'>;

export interface SeenState {
  /** The number of the next generation. */
  readonly next: number;
  /** Oldest first; the last one is in use. */
  readonly list: readonly Generation[];
  readonly dropping: readonly Dropping[];
}

export interface TurnOptions {
  readonly now: RedisTime;
  readonly windowSeconds: number;
  readonly generationIdsMax: number;
}

const GENERATIONS_PER_WINDOW = 6;
/** Half as many ids at least are in a segment, unless the generation has fewer. */
const SEGMENT_IDS_MAX = 32_000;

/** @param text What a commit stored last; null when none did. */
export function parseSeenState(text: string | null): SeenState {
  if (text !== null) return JSON.parse(text) as SeenState;
  return { next: 2, list: [opened(1, 0)], dropping: [] };
}

/**
 * Closes the generation in use when it is old or full, and forgets the oldest when its time has come.
 *
 * One of each at most, and never one that this call closes. While the clock is not steady, nothing is forgotten, and
 * only a full one is closed.
 *
 * @returns The same object when nothing changed.
 */
export function turnGenerations(state: SeenState, options: TurnOptions): SeenState {
  return closeInUse(forgetOldest(state, options), options);
}

export function generationInUse(state: SeenState): Generation {
  const generation = state.list.at(-1);
  if (generation === undefined) throw new RangeError('A shard always has a generation in use.');
  return generation;
}

function forgetOldest(state: SeenState, { now, windowSeconds }: TurnOptions): SeenState {
  const [oldest, ...others] = state.list;
  if (oldest === undefined || !now.isSteady) return state;
  const { number, segmentBits, closedAtSec } = oldest;
  const isDue = ({ closedAtSec: at }: Generation) => at !== null && now.sec - at >= windowSeconds;
  // It may have been closed when the clock was ahead. It is older than any of the others.
  const wasAhead = closedAtSec !== null && closedAtSec > now.sec;
  if (!isDue(oldest) && !(wasAhead && others.some(isDue))) return state;
  return { ...state, list: others, dropping: [...state.dropping, { number, segmentBits }] };
}

function closeInUse(state: SeenState, options: TurnOptions): SeenState {
  const { now, windowSeconds, generationIdsMax } = options;
  const inUse = generationInUse(state);
  // It may have been opened when the clock was ahead.
  const ageSec = Math.abs(now.sec - inUse.openedAtSec);
  const isDue = now.isSteady && ageSec >= windowSeconds / GENERATIONS_PER_WINDOW;
  if (!isDue && inUse.count < generationIdsMax) return state;
  const others = state.list.slice(0, -1);
  // Nothing to remember: its time begins anew.
  if (inUse.count === 0) return { ...state, list: [...others, opened(inUse.number, now.sec)] };
  const closed = { ...inUse, closedAtSec: now.sec, segmentBits: segmentBitsFor(inUse.count) };
  return {
    ...state,
    next: state.next + 1,
    list: [...others, closed, opened(state.next, now.sec)],
  };
}

function opened(number: number, openedAtSec: number): Generation {
  return { number, openedAtSec, closedAtSec: null, count: 0, segmentBits: 0, compact: false };
}

function segmentBitsFor(count: number): number {
  return Math.min(PART_BITS, Math.max(0, Math.ceil(Math.log2(count / SEGMENT_IDS_MAX))));
}
