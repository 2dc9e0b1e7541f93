import { test } from 'vitest';
import { shardKeys } from '../../src/aggregate/keys.ts';
import { startPrivateRedis } from '../support/private-redis.ts';
import { parsedPulse } from '../support/pulses.ts';
import { createTestAccumulator, foldOf, openRedis } from './aggregate-fixture.ts';
test('x', async () => {
  const s = await startPrivateRedis({appendfsync: 'no'});
  const redis = await openRedis(s.url);
  const a = createTestAccumulator(redis, 1, 10000);
  const K = shardKeys(0);
  const edit = (c: string) => redis.eval(`local state = cmsgpack.unpack(redis.call('HGET', KEYS[1], 'generations')) for _, generation in ipairs(state.list) do ${c} end redis.call('HSET', KEYS[1], 'generations', cmsgpack.pack(state))`, 1, K.books);
  const show = async () => await redis.eval(`return cjson.encode(cmsgpack.unpack(redis.call('HGET', KEYS[1], 'generations')))`, 1, K.books) + ' ' + (await redis.keys('*seen*'));
  const add = async (...ids: string[]) => await a.apply(0, foldOf(ids.map((id) => parsedPulse({ id }))));
  let bad = 0;
  for (let i = 0; i < 8000 && bad < 3; i++) {
    await redis.flushdb();
    const log: string[] = [];
    const step = async (...ids: string[]) => { const t = await redis.time(); const r = await add(...ids); log.push(t + JSON.stringify(ids) + JSON.stringify(r) + await show()); return r; };
    await step('one');
    await edit('generation[3] = generation[3] - 10000 if generation[5] ~= 0 then generation[5] = generation[5] - 10000 end');
    await step('two');
    await edit('generation[4] = 4 ^ generation[2] * 384');
    await step('three');
    const r = await step('three', 'new', 'one', 'two', 'new', 'three');
    if (r.counted !== 1) { bad++; console.log(i, log.join('\n')); }
  }
  console.log('bad', bad);
  redis.disconnect(); await s.close();
}, 120000);
