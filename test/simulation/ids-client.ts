/** The calls of seen-store.ts, on the model. */
import { ReplyError } from 'ioredis';
import type { RedisClient } from '../../src/platform/redis.ts';
import type { Ask, RedisDoor } from './redis-calls.ts';
import type { ShardModel } from './shard-model.ts';
import type { World } from './world.ts';

export function createIdsClient(
  redis: RedisDoor,
  { ask, world }: { ask: Ask; world: World },
): RedisClient {
  /** The model of the shard in the hash tag. */
  const shardOf = (key: string): ShardModel => redis.shard(Number(/^\{(\d+)\}/.exec(key)?.[1]));
  const hashOf = (key: string): Map<string, Buffer> | undefined => shardOf(key).hashes.get(key);

  const fcall = (name: string, keyCount: number, ...rest: (string | Buffer)[]) => {
    const [lease = '', ...keys] = rest.slice(0, keyCount).map(String);
    const [, token, ...values] = rest.slice(keyCount);
    return ask('fold', name, () => {
      const model = shardOf(lease);
      if (!model.holds(String(token)))
        return refusal('PULSELEASE the shard belongs to another aggregator');
      if (name === 'pulse_seen_drop') {
        for (const key of keys) {
          model.lists.delete(key);
          model.hashes.delete(key);
        }
        return undefined;
      }
      const [segment = '', filter = ''] = keys;
      const [filterBytes, ...pages] = values.map((value) => Buffer.from(value as Buffer));
      const hash = new Map<string, Buffer>();
      for (let at = 0; at < pages.length; at += 2)
        hash.set(String(pages[at]), pages[at + 1] ?? Buffer.alloc(0));
      model.hashes.set(segment, hash);
      model.hashes.set(filter, new Map([['', filterBytes ?? Buffer.alloc(0)]]));
      world.meet('ids of a closed generation stored');
      return undefined;
    });
  };

  const client = {
    fcall,
    lrangeBuffer: (key: string, first: number, last: number) =>
      ask('fold', 'ids', () => (shardOf(key).lists.get(key) ?? []).slice(first, last + 1)),
    getBuffer: (key: string) => ask('fold', 'filter', () => hashOf(key)?.get('') ?? null),
    hgetBuffer: (key: string, field: string) =>
      ask('fold', 'page', () => {
        const page = hashOf(key)?.get(field) ?? null;
        if (page !== null) world.meet('id found in a closed generation');
        return page;
      }),
    get: (key: string) => ask('fold', 'holder', () => shardOf(key).holder ?? null),
  };
  return client as unknown as RedisClient;
}

/** An error as the server sends it. */
function refusal(message: string): Error {
  return new (ReplyError as new (message: string) => Error)(message);
}
