/** Runs checks that stand for themselves: one that fails is a danger of its own, and the others still report. */
import { ReplyError } from 'ioredis';
import { DatabaseError } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import { PulseError } from '../core/errors.ts';
import { withTimeout } from '../platform/backoff.ts';
import { withForbidden } from '../platform/redis.ts';
import { danger, warning } from './findings.ts';

/** Undefined: there is nothing to say. */
export type Check = readonly [
  name: string,
  check: () => Promise<Finding | readonly Finding[] | undefined>,
];

/**
 * One after the other, because those of the clocks measure how long an answer takes.
 *
 * @param withinMs How long all of them may take. Default: no limit.
 */
export async function runChecks(checks: readonly Check[], withinMs?: number): Promise<Finding[]> {
  const findings: Finding[] = [];
  const endMs = performance.now() + (withinMs ?? Infinity);
  for (const [name, check] of checks) {
    const leftMs = Math.round(endMs - performance.now());
    if (leftMs <= 0) {
      findings.push(warning(name, 'not checked, because the checks before it took too long'));
      continue;
    }
    try {
      const found = await (withinMs === undefined ? check() : withTimeout(leftMs, check()));
      findings.push(...[found ?? []].flat());
    } catch (error) {
      findings.push(danger(name, reasonOf(error, 'could not be checked')));
    }
  }
  return findings;
}

/** @param otherwise What to say about an error that no server has answered with. */
export function reasonOf(error: unknown, otherwise: string): string {
  const known = withForbidden(error);
  if (known instanceof PulseError) return known.message;
  // The server answers, so it is named: a check may ask several.
  if (error instanceof DatabaseError) return `Postgres refuses a query: ${error.message}`;
  if (error instanceof ReplyError) return `Redis refuses a command: ${(error as Error).message}`;
  return `${otherwise} (${error instanceof Error ? error.message : 'unknown'})`;
}
