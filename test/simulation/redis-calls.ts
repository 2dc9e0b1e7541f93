/** What clients of the model of Redis need of it. */
import type { JournalOracle } from './journal-oracle.ts';
import type { ShardModel } from './shard-model.ts';

/** Calls that share their fates: of ingest, of the aggregator's rounds and of all else that it asks, of flushes. */
export const CALL_KINDS = ['append', 'commit', 'fold', 'flush'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/** One call of one process. @throws What `serve` returns, if it is an error. */
export type Ask = <T>(
  kind: CallKind,
  label: string,
  serve: () => T | Error | Promise<T>,
) => Promise<T>;

export interface RedisDoor {
  readonly oracle: JournalOracle;
  shard(shard: number): ShardModel;
  onAppend(shard: number, wake: () => void): () => void;
}
