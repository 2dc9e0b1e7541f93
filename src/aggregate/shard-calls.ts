/** Calls the Redis Functions of a shard, and classifies their errors. */
import { ReplyError } from 'ioredis';
import { FatalError, PulseError, TransientError } from '../core/errors.ts';
import type { RedisClient } from '../platform/redis.ts';
import { ensureLibrary, LIBRARY_VERSION } from './library.ts';

/** How long replicas may take to confirm a batch. */
const REPLICAS_TIMEOUT_MS = 5_000;

/** Throws the errors that createAccumulator documents. */
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

  /** Like `call`, and waits until `replicasMin` replicas have the result. */
  const callReplicated = async (name: string, keys: string[], args: (string | Buffer)[]) => {
    if (replicasMin === 0) return call(name, keys, args);
    // In one pipeline: WAIT waits for the earlier writes of its own connection.
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
      `Only ${Number(holders)} replicas had the batch in time, ${replicasMin} must have it.`,
    );
  };

  return { call, callReplicated };
}

/** First words of Redis's transient errors. */
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
  // A wait for the journal ended, because the server has become a replica.
  'UNBLOCKED',
]);

/** The lease of a shard belongs to another aggregator, or to none. */
export function leaseLost(cause?: unknown): TransientError {
  return new TransientError(
    'PULSE_REDIS_LEASE',
    'The shard belongs to another aggregator now: nothing was written.',
    { cause },
  );
}

/** Turns an error of ioredis into one that tells the caller what to do. Those that do so already stay as they are. */
export async function classify(redis: RedisClient, error: unknown): Promise<Error> {
  if (error instanceof PulseError) return error;
  if (!(error instanceof Error)) return new TypeError('Not an error.', { cause: error });
  const transient = (message: string, cause: unknown = error): TransientError =>
    new TransientError('PULSE_REDIS_APPLY', message, { cause });
  if (!(error instanceof ReplyError)) {
    return transient('Redis did not answer; the call may have been applied.');
  }
  const [word = ''] = error.message.split(' ');
  if (TRANSIENT_REPLIES.has(word)) {
    return transient(`Redis cannot take the call at present: ${word}.`);
  }
  if (word === 'PULSEJOURNAL') {
    return new TransientError(
      'PULSE_JOURNAL_FULL',
      'The journal in Redis has as many bytes as it may have: nothing folds it, or not fast enough.',
      { cause: error },
    );
  }
  if (word === 'PULSEEPOCH') {
    return new FatalError(
      'PULSE_REDIS_EPOCH',
      'Redis has lost its data, or is another server: counting has stopped. Restart Pulse to see what to do.',
      { cause: error },
    );
  }
  if (word === 'PULSELEASE' || word === 'PULSEPOSITION') return leaseLost(error);
  // Redis has no code for this error. A server that was replaced or flushed gets the library again.
  if (error.message.startsWith('ERR Function not found')) {
    const failure: unknown = await ensureLibrary(redis).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (failure instanceof FatalError) return failure;
    return transient(
      failure === undefined
        ? 'Redis had lost the functions of Pulse. They are loaded again: try once more.'
        : 'Redis has lost the functions of Pulse, and they cannot be loaded at present.',
      failure ?? error,
    );
  }
  return new FatalError(
    'PULSE_REDIS_LIBRARY',
    `A function of Pulse failed in Redis: ${error.message}`,
    { cause: error },
  );
}
