/** Aggregators that can be killed, and what goes over their connection. */
import { pino } from 'pino';
import { aggregateShard } from '../../src/aggregate/aggregator.ts';
import { createJournal, type Journal } from '../../src/aggregate/journal.ts';
import { loadSeenIds } from '../../src/aggregate/seen-ids.ts';
import { openRedis } from './aggregate-fixture.ts';

const logger = pino({ level: 'silent' });

/** An aggregator that dies here is not asked to end: it stops in the middle, and its lease stays. */
class Killed extends Error {}

export interface Process {
  kill(): void;
  close(): Promise<void>;
}

/** @param around What its calls go through. */
export async function startAggregator(
  url: string,
  around: (journal: Journal) => Journal = (journal) => journal,
): Promise<Process> {
  const own = await openRedis(url);
  const stopping = new AbortController();
  let isKilled = false;
  const dieIfKilled = (): void => {
    if (isKilled) throw new Killed();
  };
  const journal = mortal(around(createJournal(own)), dieIfKilled);
  const running = aggregateShard(
    {
      shard: 0,
      journal,
      loadSeenIds: (state, leaseToken) =>
        loadSeenIds({ redis: own, shard: 0, windowSeconds: 3_600, state, leaseToken }),
      logger,
    },
    stopping.signal,
  ).catch((error: unknown) => {
    if (!(error instanceof Killed)) throw error;
  });
  return {
    kill() {
      isKilled = true;
    },
    async close() {
      stopping.abort();
      await running;
      own.disconnect();
    },
  };
}

/** Once killed, no call reaches Redis, not even the one that gives the lease back. */
function mortal(journal: Journal, dieIfKilled: () => void): Journal {
  return mapCalls(journal, async (call) => {
    dieIfKilled();
    const reply = await call();
    dieIfKilled();
    return reply;
  });
}

export function mapCalls(
  journal: Journal,
  around: <T>(call: () => Promise<T>, name: keyof Journal) => Promise<T>,
): Journal {
  return {
    read: (...args) => around(() => journal.read(...args), 'read'),
    lease: (...args) => around(() => journal.lease(...args), 'lease'),
    commit: (...args) => around(() => journal.commit(...args), 'commit'),
    load: (...args) => around(() => journal.load(...args), 'load'),
    marks: (...args) => around(() => journal.marks(...args), 'marks'),
  };
}

/** How often memory was loaded, how often kept under a new lease, and how often the lease was refused. */
export function watchMemory() {
  const seen = { loads: 0, kept: 0, refusals: 0 };
  const watch = (journal: Journal): Journal => {
    let isResuming = false;
    const watched = mapCalls(journal, (call, name) => {
      if (name === 'load') seen.loads += 1;
      if (name === 'read' && isResuming) seen.kept += 1;
      isResuming = name === 'marks' || (isResuming && name === 'lease');
      return call();
    });
    const lease: Journal['lease'] = async (shard, token, request) => {
      const time = await watched.lease(shard, token, request);
      if (time === undefined && request.action === 'take') seen.refusals += 1;
      return time;
    };
    return { ...watched, lease };
  };
  return { seen, watch };
}
