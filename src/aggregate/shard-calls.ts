/** Calling a shard's functions, and what it means when that fails. */
import { ReplyError } from 'ioredis';
import { FatalError, TransientError } from '../core/errors.ts';
import type { RedisClient } from '../platform/redis.ts';
import { ensureLibrary, LIBRARY_VERSION } from './library.ts';

/** How long replicas may take to say that they have a batch. */
const REPLICAS_TIMEOUT_MS = 5_000;

/** The errors are those of createAccumulator. */
export function createShardCalls({
  redis,
  replicasMin,
}: {
  redis: RedisClient;
  replicasMin: number;
}) {
  const call = async (name: string, keys: string[], args: (string | Buffer)[]) => {
    try {
      return await redis.fcall(name, keys.length, ...keys, LIBRARY_VERSION, ...args);
    } catch (error) {
      throw await classify(redis, error);
    }
  };

  /** The same, on the master and on as many replicas as are asked for. */
  const callReplicated = async (name: string, keys: string[], args: (string | Buffer)[]) => {
    if (replicasMin === 0) return call(name, keys, args);
    // In one go: only on the connection of the write does Redis know which write the replicas must have.
    const replies = await redis
      .pipeline()
      .fcall(name, keys.length, ...keys, LIBRARY_VERSION, ...args)
      .wait(replicasMin, REPLICAS_TIMEOUT_MS)
      .exec();
    const [[failure, reply] = [], [noAnswer, holders] = []] = replies ?? [];
    const error = failure ?? noAnswer;
    if (error) throw await classify(redis, error);
    if (Number(holders) >= replicasMin) return reply;
    throw new TransientError(
      'PULSE_REDIS_APPLY',
      `${Number(holders)} replicas have the batch in time, ${replicasMin} are needed.`,
    );
  };

  return { call, callReplicated };
}

/** First words of Redis's errors that pass by themselves. */
const TRANSIENT_REPLIES = new Set([
  'ASK',
  'BUSY',
  'CLUSTERDOWN',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'MOVED',
  'NOREPLICAS',
  'OOM',
  'READONLY',
  'TRYAGAIN',
]);

/** Turns what ioredis threw into what the caller must do about it. */
export async function classify(redis: RedisClient, error: unknown): Promise<Error> {
  if (!(error instanceof Error)) return new TypeError('Not an error.', { cause: error });
  if (!(error instanceof ReplyError)) {
    return new TransientError(
      'PULSE_REDIS_APPLY',
      'Redis did not answer; the call may have applied.',
      {
        cause: error,
      },
    );
  }
  const [word = ''] = error.message.split(' ');
  if (TRANSIENT_REPLIES.has(word)) {
    return new TransientError('PULSE_REDIS_APPLY', `Redis refuses for now: ${word}.`, {
      cause: error,
    });
  }
  if (word === 'PULSEEPOCH') {
    return new FatalError(
      'PULSE_REDIS_EPOCH',
      'Redis has lost its memory, or is another server: nothing more is counted. Start again to see what to do.',
      { cause: error },
    );
  }
  // Redis names this case by text alone. A server that was replaced or flushed gets the library back.
  if (error.message.startsWith('ERR Function not found')) {
    const failure: unknown = await ensureLibrary(redis).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (failure instanceof FatalError) return failure;
    return new TransientError('PULSE_REDIS_APPLY', 'Redis had lost the functions.', {
      cause: failure ?? error,
    });
  }
  return new FatalError('PULSE_REDIS_LIBRARY', `Redis refuses Pulse's function: ${error.message}`, {
    cause: error,
  });
}
