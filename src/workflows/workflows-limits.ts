/** How many workflows callers may have, and how much of them. Callers with the same tenants share limits. */
import type { Pool } from 'pg';
import { ProblemError } from '../http/problems.ts';
import { WORKFLOW_PROBLEMS } from './workflows-problems.ts';
import { readKeptBytes, readQueuedLoad } from './workflows-query.ts';

type Queryable = Pick<Pool, 'query'>;

/** Of what is kept, waiting and consumed. */
export interface KeptBytesMax {
  readonly ofShare: number;
  readonly inAll: number;
}

const KEPT_BYTES_MAX: KeptBytesMax = {
  ofShare: 2 * 1024 * 1024 * 1024,
  inAll: 20 * 1024 * 1024 * 1024,
};
/** Of workflows whose messages are in the queue. */
const QUEUED_MAX = {
  ofShare: { count: 10_000, bytes: 256 * 1024 * 1024 },
  inAll: { count: 100_000, bytes: 2 * 1024 * 1024 * 1024 },
};

/** @throws ProblemError 429 */
export async function refuseTooMany(client: Queryable, share: string): Promise<void> {
  const { ofShare, inAll } = await readQueuedLoad(client, share);
  const limits = QUEUED_MAX;
  const isFull =
    ofShare.count >= limits.ofShare.count ||
    ofShare.bytes >= limits.ofShare.bytes ||
    inAll.count >= limits.inAll.count ||
    inAll.bytes >= limits.inAll.bytes;
  if (!isFull) return;
  throw new ProblemError(WORKFLOW_PROBLEMS.PULSE_API_TOO_MANY_WORKFLOWS, {
    detail: `At most ${limits.ofShare.count} workflows of yours, with ${limits.ofShare.bytes} bytes of data, may be in the queue.`,
    headers: { 'retry-after': '60' },
  });
}

/**
 * Not for whoever consumes the next one of the queue: a share that is full would keep everybody else's workflows waiting.
 *
 * @throws ProblemError 409
 */
export async function refuseQuota(
  client: Queryable,
  share: string,
  max: KeptBytesMax = KEPT_BYTES_MAX,
): Promise<void> {
  const { ofShare, inAll } = await readKeptBytes(client, share);
  if (ofShare < max.ofShare && inAll < max.inAll) return;
  const whose = ofShare < max.ofShare ? 'All workflows together' : 'Your workflows';
  throw new ProblemError(WORKFLOW_PROBLEMS.PULSE_API_WORKFLOW_QUOTA, {
    detail: `${whose} take all the space they may. Consumed ones are deleted some time after they were consumed.`,
  });
}
