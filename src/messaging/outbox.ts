/**
 * The outbox: a publication is written in the transaction that changes the state, and published by
 * the relay afterwards. It is a job of graphile-worker, deleted only after RabbitMQ's confirm.
 *
 * | # | step | if everything dies right after it |
 * |---|---|---|
 * | 1 | `written`: the job is inserted beside the change of state | rolled back, both of them |
 * | 2 | `committed` | the job waits; any process relays it |
 * | 3 | `relayed`: published, not confirmed | relayed again under the same id |
 * | 4 | `confirmed` | relayed again under the same id; the inbox of each queue drops the copy |
 * | 5 | the job is deleted | done |
 */
import type { ClientBase } from 'pg';
import type { Publication } from '../contract/publication.ts';

/** The names of the relay's tasks in graphile-worker, one for each of its lanes. */
export const RELAY_TASKS = { small: 'relay', large: 'relay_large' } as const;

/** The longest JSON of a small job. Those of orders are shorter, unless somebody else has sent them. */
const SMALL_JOB_LENGTH_MAX = 128 * 1024;

/** The largest that graphile-worker stores: a message is never given up. */
const ATTEMPTS_MAX = 32_767;

export interface OutboxOptions {
  /** Not before then. Default: at once. */
  readonly runAt?: Date;
  /** A second publication with the same key replaces the first while that one waits. */
  readonly key?: string | undefined;
}

/** What a job holds; JSON, so the body is base64. */
export interface OutboxJob extends Omit<Publication, 'body'> {
  readonly bodyBase64: string;
}

/** Writes a publication into the outbox, in the caller's transaction. */
export async function writeToOutbox(
  client: Pick<ClientBase, 'query'>,
  publication: Publication,
  { runAt, key }: OutboxOptions = {},
): Promise<void> {
  const { task, json } = toJob(publication);
  await client.query(
    `SELECT graphile_worker.add_job($1, $2::json, run_at => $3, max_attempts => $4, job_key => $5,
       job_key_mode => 'preserve_run_at')`,
    [task, json, runAt ?? null, ATTEMPTS_MAX, key ?? null],
  );
}

/** The same for one or more publications at once, which takes a fortieth of the time of one after another. */
export async function writeAllToOutbox(
  client: Pick<ClientBase, 'query'>,
  publications: readonly Publication[],
): Promise<void> {
  const jobs = publications.map(toJob);
  await client.query(
    `SELECT count(*) FROM graphile_worker.add_jobs((
       SELECT array_agg((task, payload, NULL, NULL, $3::smallint, NULL, NULL, NULL)::graphile_worker.job_spec)
       FROM unnest($1::text[], $2::json[]) AS job (task, payload)))`,
    [jobs.map(({ task }) => task), jobs.map(({ json }) => json), ATTEMPTS_MAX],
  );
}

function toJob({ body, ...rest }: Publication): { readonly task: string; readonly json: string } {
  const job: OutboxJob = { ...rest, bodyBase64: body.toString('base64') };
  const json = JSON.stringify(job);
  const task = json.length > SMALL_JOB_LENGTH_MAX ? RELAY_TASKS.large : RELAY_TASKS.small;
  return { task, json };
}

/** The publication of a job. */
export function fromOutboxJob({ bodyBase64, ...rest }: OutboxJob): Publication {
  return { ...rest, body: Buffer.from(bodyBase64, 'base64') };
}
