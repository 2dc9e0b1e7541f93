/** The journal as an aggregator uses it, on the model. */
import type { FoldedState, Journal, StoredEntry } from '../../src/aggregate/journal.ts';
import { LiveSums, NO_SUMS } from '../../src/aggregate/live-sums.ts';
import { fromSumField, fromSumValue } from '../../src/aggregate/sum-field.ts';
import { parseSum } from '../../src/core/amount.ts';
import type { Ask, RedisModel } from './redis-model.ts';
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
}

export function createJournalClient(redis: RedisModel, { process, ask, world }: Caller): Journal {
  const holders = new Set<string>();
  return {
    read: (shard, { position, count, waitMs }) =>
      ask('fold', 'read', () => {
        const entries = redis.shard(shard).read(position, count);
        if (entries.length > 0 || waitMs === 0) return entries;
        return waitForEntries(redis, { shard, position, count, waitMs, process, world });
      }),

    async lease(shard, token, milliseconds) {
      const time = await ask('fold', 'lease', () => redis.shard(shard).lease(token, milliseconds));
      if (time !== undefined) holders.add(token);
      else if (milliseconds > 0 && !holders.has(token)) {
        world.meet('lease held by another');
        // The caller sleeps now, and then asks again, for as long as all is well.
        world.clock.makeNextPatient();
      }
      return time;
    },

    commit: (shard, call) =>
      ask('commit', 'commit', () => {
        const model = redis.shard(shard);
        const reply = model.commit(call);
        redis.oracle.assertFolded(model);
        return reply;
      }),

    load: (shard) => load(redis, shard, ask),
  };
}

/** XREAD BLOCK. */
function waitForEntries(redis: RedisModel, read: WaitingRead): Promise<StoredEntry[]> {
  const { shard, position, count, waitMs, process, world } = read;
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
    // While a round is open, the reader waits only until its commit is due.
    if (redis.shard(shard).position === position) world.clock.makeNextPatient();
    const timer = world.clock.setTimeout(answer, waitMs);
  });
}

/** Step by step, as in production: a seal may come in between. */
async function load(redis: RedisModel, shard: number, ask: Ask): Promise<FoldedState> {
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
    for (const [field, value] of found) {
      const { windowStartSec } = fromSumField(field);
      sums.load({ field, windowStartSec }, fromSumValue(value));
    }
  }
  return { ...state, sums };
}
