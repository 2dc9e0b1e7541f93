/** The journal as an aggregator uses it, on the model. */
import type { FoldedState, Journal, StoredEntry } from '../../src/aggregate/journal.ts';
import { LiveSums, NO_SUMS } from '../../src/aggregate/live-sums.ts';
import { readSums } from '../../src/aggregate/read-sums.ts';
import { parseSum } from '../../src/core/amount.ts';
import type { Ask, RedisDoor } from './redis-calls.ts';
import { Violation, type SimProcess, type World } from './world.ts';

interface Caller {
  readonly process: SimProcess;
  readonly ask: Ask;
  readonly world: World;
}

interface WaitingRead extends Omit<Caller, 'ask'> {
  readonly shard: number;
  readonly position: string;
  readonly count: number;
  readonly waitMs: number;
  /** Whether no round is open. Otherwise the reader waits only until its commit is due. */
  readonly isPatient: boolean;
}

export function createJournalClient(redis: RedisDoor, { process, ask, world }: Caller): Journal {
  const holders = new Set<string>();
  /** Where the caller's open rounds began. */
  const committed = new Map<number, string>();
  /** Shards whose lease is taken again, until the caller loads them or goes on without. */
  const resuming = new Set<number>();
  return {
    read: (shard, { position, count, waitMs }) => {
      if (resuming.delete(shard)) {
        const isOpen = position !== committed.get(shard);
        world.meet(`${isOpen ? 'open round' : 'memory'} kept under a new lease`);
      }
      return ask('fold', 'read', () => {
        const entries = redis.shard(shard).read(position, count);
        if (entries.length > 0) return entries;
        if (waitMs === 0) {
          // Less than a millisecond is left of the round: it is over when the answer is there.
          world.clock.pass(1);
          return entries;
        }
        return waitForEntries(redis, {
          shard,
          position,
          count,
          waitMs,
          isPatient: position === committed.get(shard),
          process,
          world,
        });
      });
    },

    async lease(shard, token, request) {
      const time = await ask('fold', 'lease', () => redis.shard(shard).lease(token, request));
      if (time !== undefined) holders.add(token);
      else if (request.action === 'take' && !holders.has(token)) {
        world.meet('lease held by another');
        // The caller sleeps now, and then asks again, for as long as all is well.
        world.clock.makeNextPatient();
      }
      return time;
    },

    async commit(shard, call) {
      const reply = await ask('commit', 'commit', () => {
        const model = redis.shard(shard);
        const answer = model.commit(call);
        redis.oracle.assertFolded(model);
        return answer;
      });
      if (reply === 'committed') committed.set(shard, call.round.position);
      return reply;
    },

    async marks(shard, entryId) {
      const marks = await ask('fold', 'marks', () => {
        const { position, generations, live, journal } = redis.shard(shard);
        const hasEntry = journal.some(({ id }) => id === entryId);
        return { position, generations, batchId: live?.batchId ?? '', hasEntry };
      });
      resuming.add(shard);
      return marks;
    },

    async load(shard) {
      if (resuming.delete(shard)) world.meet('memory outdated under a new lease');
      const state = await load(redis, shard, ask);
      committed.set(shard, state.position);
      return state;
    },
  };
}

/** XREAD BLOCK. */
function waitForEntries(redis: RedisDoor, read: WaitingRead): Promise<StoredEntry[]> {
  const { shard, position, count, waitMs, isPatient, process, world } = read;
  return new Promise((resolve) => {
    const answer = (): void => {
      stopWaiting();
      world.clock.clear(timer);
      const entries = redis.shard(shard).read(position, count);
      world.task(`${process.name} ← redis read after a wait`, () => {
        process.enter(() => {
          resolve(entries);
        });
      });
    };
    const stopWaiting = redis.onAppend(shard, answer);
    if (isPatient) world.clock.makeNextPatient();
    const timer = world.clock.setTimeout(answer, waitMs);
  });
}

/** Step by step, as in production: a seal may come in between. */
async function load(redis: RedisDoor, shard: number, ask: Ask): Promise<FoldedState> {
  const model = redis.shard(shard);
  const state = await ask('fold', 'load', () => {
    const { position, generations } = model;
    return { position, generations };
  });
  const header = await ask('fold', 'header', () => {
    const { live } = model;
    if (live === undefined) return NO_SUMS;
    const { batchId, windowMinSec, windowMaxSec } = live;
    const amount = parseSum(live.amount);
    return amount === undefined
      ? new Violation(`${live.amount} is no amount`)
      : { batchId, amount, windowMinSec, windowMaxSec };
  });
  const sums = new LiveSums(header);
  for (const half of [0, 1]) {
    const found = await ask('fold', 'scan', () =>
      [...(model.live?.sums ?? [])].filter(([field]) => field.length % 2 === half),
    );
    sums.load(readSums(Buffer.from(found.flat().join('\t'), 'latin1')));
  }
  return { ...state, sums };
}
