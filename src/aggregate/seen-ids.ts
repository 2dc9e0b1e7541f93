export function seenIdCount(state: string | null): number {
  return state === null ? 0 : 1;
}
export interface Suspects {
  readonly n: number;
}
export interface SeenIds {
  suspects(ids: Buffer): Suspects | undefined;
  settle(suspects: Suspects): Promise<ReadonlySet<number>>;
  add(ids: Buffer, offset: number): boolean;
  takeAdded(): { generation: number; chunk: Buffer };
  turn(nowSec: number): boolean;
  readonly state: string;
  tidy(): Promise<boolean>;
  readonly idCount: number;
  readonly memoryBytes: number;
}
import type { RedisClient } from '../platform/redis.ts';
export async function loadSeenIds({
  redis,
  shard,
}: {
  redis: RedisClient;
  shard: number;
  windowSeconds: number;
  state: string | null;
  token: string;
}): Promise<SeenIds> {
  const all = new Set<string>();
  for (const chunk of await redis.lrangeBuffer(`{${shard}}:ids:1`, 0, -1))
    for (let at = 0; at < chunk.length; at += 10) all.add(chunk.toString('hex', at, at + 10));
  let added: Buffer[] = [];
  return {
    suspects: () => undefined,
    settle: () => Promise.resolve(new Set()),
    add(ids, offset) {
      const k = ids.toString('hex', offset, offset + 10);
      if (all.has(k)) return false;
      all.add(k);
      added.push(ids.subarray(offset, offset + 10));
      return true;
    },
    takeAdded() {
      const chunk = Buffer.concat(added);
      added = [];
      return { generation: 1, chunk };
    },
    turn: () => false,
    state: '{}',
    tidy: () => Promise.resolve(false),
    idCount: 0,
    memoryBytes: 0,
  };
}
