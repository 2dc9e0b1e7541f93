/** The callers of a round: they ask for exports, cancel some, ask again, and download. */
import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { sleep } from '../../../src/platform/backoff.ts';
import { until } from '../../support/until.ts';
import { askUntilAnswered } from '../api-client.ts';
import type { Caller, ExportIntent } from './export-plan.ts';

export interface ExportClientDeps {
  /** Of the API, with its base path. */
  readonly url: string;
  readonly tokens: Readonly<Record<Caller, string>>;
  readonly admin: Pool;
}

const RETRY_MS = 100;
/** Less would be repeated for ever on a busy machine. */
const ANSWER_MS = 10_000;
const RUNNING_TIMEOUT_MS = 60_000;
const DOWNLOAD_TIMEOUT_MS = 30_000;

/** Asks for all, each at its time, and cancels those that are to be. */
export async function playExports(
  intents: readonly ExportIntent[],
  deps: ExportClientDeps,
): Promise<void> {
  await Promise.all(
    intents.map(async (intent) => {
      await sleep(intent.dueMs);
      Object.assign(intent, await create(intent, deps));
      if (intent.id !== undefined) await cancel(intent, intent.id, deps);
    }),
  );
}

/** The same question as of the same instant. */
export async function askAgain(intent: ExportIntent, deps: ExportClientDeps): Promise<void> {
  const { id, refusal } = await create(intent, deps, intent.asOf);
  if (id === undefined) throw new Error(`the question ${intent.key} was refused: ${refusal}`);
  intent.again = { id };
}

async function create(
  { key, caller, question }: ExportIntent,
  { url, tokens }: ExportClientDeps,
  asOf?: string,
): Promise<{ id?: string; asOf?: string; refusal?: string }> {
  const request = {
    ...{ method: 'POST', url: `${url}/exports`, token: tokens[caller] },
    body: JSON.stringify({ ...question, as_of: asOf }),
    idempotencyKey: asOf === undefined ? key : `${key}-again`,
    answerMs: ANSWER_MS,
  };
  for (;;) {
    const { status, text } = await askUntilAnswered(request);
    const answer = JSON.parse(text) as { id: string; as_of: string; code?: string };
    if (status === 202) return { id: answer.id, asOf: answer.as_of };
    // The request before, whose answer was lost, is still in progress.
    if (answer.code !== 'PULSE_API_IDEMPOTENCY_KEY_BUSY') {
      return { refusal: answer.code ?? `status ${status}` };
    }
    await sleep(RETRY_MS);
  }
}

async function cancel(
  intent: ExportIntent,
  id: string,
  { url, tokens, admin }: ExportClientDeps,
): Promise<void> {
  if (intent.cancel === undefined) return;
  if (intent.cancel === 'running') await untilRunning(admin, id);
  else await sleep(intent.cancel);
  const token = tokens[intent.caller];
  const path = `${url}/exports/${id}`;
  const answer = await askUntilAnswered({
    method: 'DELETE',
    url: path,
    token,
    answerMs: ANSWER_MS,
  });
  if (answer.status !== 200) throw new Error(`a cancel was answered with ${answer.status}`);
  intent.endedAs = (JSON.parse(answer.text) as { state: string }).state;
}

async function untilRunning(admin: Pool, id: string): Promise<void> {
  await until('an export that runs', RUNNING_TIMEOUT_MS, async () => {
    const sql = `SELECT FROM exports WHERE id = $1 AND state <> 'queued'`;
    const found = await admin.query(sql, [id]).catch(() => undefined);
    return found?.rowCount === 1;
  });
}

/** @returns The SHA-256 of the file as the API gives it. */
export async function download(
  { caller }: ExportIntent,
  id: string,
  { url, tokens }: ExportClientDeps,
): Promise<string> {
  const response = await fetch(`${url}/exports/${id}/file`, {
    headers: { authorization: `Bearer ${tokens[caller]}` },
    signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok) return `status ${response.status}: ${bytes.toString()}`;
  return createHash('sha256').update(bytes).digest('hex');
}
