/**
 * Whether a Redis takes writes, and goes on taking them. A full disk or memory, or a snapshot that failed, makes it
 * refuse all of them.
 */
import { ReplyError, type Redis } from 'ioredis';
import { readInfo, readSetting, type Finding } from '../aggregate/redis-durability.ts';
import { danger, ok, warning } from './findings.ts';

/** A script without flags may write, so Redis judges it like a write. It writes nothing. */
const WRITE_PROBE = '#!lua\nreturn 1';

/** By the first word of the refusal. Too few replicas are a finding of their own; a replica refuses rightly. */
const REFUSALS: Readonly<Record<string, string>> = {
  MISCONF:
    "its last snapshot, or its last write to the append-only file, failed. Redis's log says why; free disk space or " +
    'memory. Pulse needs no snapshots: with save "" none can fail',
  OOM: 'its memory is full. Raise maxmemory, or give it more memory',
};

export async function checkRedisTakesWrites(redis: Redis): Promise<Finding> {
  try {
    await redis.eval(WRITE_PROBE, 0);
  } catch (error) {
    // A server that forbids scripts says nothing about writes.
    if (error instanceof ReplyError) return judgeRefusal((error as Error).message);
    throw error;
  }
  return judgeRefusal('');
}

/** @param refusal Empty if there was none. */
export function judgeRefusal(refusal: string): Finding {
  const name = 'redis writes';
  const [word = ''] = refusal.split(' ');
  const reason = REFUSALS[word];
  if (reason !== undefined) {
    return danger(name, `are refused (${word}), so nothing is counted: ${reason}`);
  }
  return ok(name, refusal === '' ? 'are accepted' : 'were not tried');
}

/** Whether Redis shortens its append-only file, which otherwise grows until the disk is full. */
export async function checkRedisRewrites(redis: Redis): Promise<Finding> {
  const persistence = await readInfo(redis, 'persistence');
  return judgeRewrites({
    last: persistence.get('aof_last_bgrewrite_status'),
    percentage: await readSetting(redis, 'auto-aof-rewrite-percentage'),
  });
}

/** Undefined is what the server does not show. */
export function judgeRewrites(facts: {
  readonly last: string | undefined;
  readonly percentage: string | undefined;
}): Finding {
  const name = 'redis rewrites';
  const { last = 'ok', percentage } = facts;
  const grows = 'the append-only file grows until the disk is full, and then Redis ends';
  if (percentage === '0') {
    return warning(name, `are switched off: ${grows}. Set auto-aof-rewrite-percentage 100`);
  }
  if (last !== 'ok') {
    const causes = "Redis's log says why; often it cannot fork (vm.overcommit_memory must be 1)";
    return warning(name, `the last one failed: ${grows}. ${causes}`);
  }
  return ok(name, 'shorten the append-only file');
}
