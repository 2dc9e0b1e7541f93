/** Workflows of a round: callers insert them and put some back, consumers take them, each from the same API. */
import type { Pool } from 'pg';
import { sleep } from '../../../src/platform/backoff.ts';
import type { Random } from '../../../src/populate/random.ts';
import { ask, askUntilAnswered } from '../api-client.ts';
import { between } from '../fault.ts';
import { CUSTOMERS } from './export-data.ts';

const WORKFLOWS = 40;
const CONSUMERS = 3;
const ANSWER_MS = 10_000;
const IDLE_MS = 50;
const RETRY_MS = 100;
/** Of those that are consumed, how many are put back. */
const PUT_BACK = 0.2;

interface Played {
  /** Undefined until the insertion is answered. */
  uuid?: string;
  /** How often a consumer got its CSV. */
  gotCount: number;
  /** How often somebody asked to put it back. Each may have done so. */
  putBackCount: number;
}

export interface WorkflowsVerdict {
  readonly workflows: number;
  readonly consumedByAnswer: number;
  readonly putBack: number;
  readonly complaints: readonly string[];
}

export interface WorkflowPlay {
  /** Inserts all, while consumers consume. */
  play(durationMs: number): Promise<void>;
  /** Puts no more workflows back. The consumers go on. */
  settle(): Promise<void>;
  /** Ends the consumers. */
  stop(): Promise<void>;
  check(admin: Pool): Promise<WorkflowsVerdict>;
}

/** @param url Of the API, with its base path. */
export function createWorkflowPlay(url: string, random: Random): WorkflowPlay {
  const played = Array.from({ length: WORKFLOWS }, (): Played => ({
    gotCount: 0,
    putBackCount: 0,
  }));
  const complaints: string[] = [];
  const putBacks: Promise<void>[] = [];
  let isSettling = false;
  let isEnded = false;

  const insert = async (one: Played, number: number): Promise<void> => {
    const body = JSON.stringify({
      ...{ data: { number, exact: 'EXACT' }, steps: ['one'] },
      client: Object.values(CUSTOMERS)[number % 2],
    }).replace('"EXACT"', exactOf(number));
    const request = { method: 'POST', url: `${url}/workflow`, body, answerMs: ANSWER_MS };
    for (;;) {
      const { status, text } = await askUntilAnswered({
        ...request,
        idempotencyKey: `workflow-${number}`,
      });
      if (status === 201) {
        one.uuid = (JSON.parse(text) as { uuid: string }).uuid;
        return;
      }
      // The request before, whose answer was lost, is still in progress.
      if (status !== 409) throw new Error(`an insertion was answered with ${status}: ${text}`);
      await sleep(RETRY_MS);
    }
  };

  const putBack = async (one: Played): Promise<void> => {
    if (one.uuid === undefined) return;
    const { status } = await askUntilAnswered(
      {
        ...{ method: 'PATCH', url: `${url}/workflow/${one.uuid}`, answerMs: ANSWER_MS },
        body: JSON.stringify({ status: 'inserted' }),
      },
      () => (one.putBackCount += 1),
    );
    if (status !== 200) complaints.push(`putting a workflow back was answered with ${status}`);
  };

  const consume = async (): Promise<'got' | 'empty' | 'unknown'> => {
    const request = { method: 'GET', url: `${url}/workflow/consume`, answerMs: ANSWER_MS };
    const answer = await ask(request).catch(() => undefined);
    if (answer?.status === 204) return 'empty';
    if (answer?.status !== 200) return 'unknown';
    const number = Number(/^number,exact\r\n(\d+),/.exec(answer.text)?.[1]);
    const one = played[number];
    if (one === undefined || answer.text !== csvOf(number)) {
      complaints.push(`a consumer got ${JSON.stringify(answer.text)}`);
      return 'got';
    }
    one.gotCount += 1;
    if (!isSettling && between(0, 99, random) < PUT_BACK * 100) putBacks.push(putBack(one));
    return 'got';
  };

  const keepConsuming = async (): Promise<void> => {
    while (!isEnded) if ((await consume()) !== 'got') await sleep(IDLE_MS);
  };
  const consumers: Promise<void>[] = [];

  return {
    async play(durationMs) {
      for (let count = 0; count < CONSUMERS; count++) consumers.push(keepConsuming());
      await Promise.all(
        played.map(async (one, number) => {
          await sleep(between(0, durationMs, random));
          await insert(one, number).catch((error: unknown) => complaints.push(String(error)));
        }),
      );
    },
    async settle() {
      isSettling = true;
      await Promise.all(putBacks);
    },
    async stop() {
      isEnded = true;
      await Promise.all(consumers);
    },
    async check(admin) {
      complaints.push(...(await checkRows(played, admin)));
      return {
        workflows: played.length,
        consumedByAnswer: played.reduce((sum, { gotCount }) => sum + gotCount, 0),
        putBack: played.filter(({ putBackCount }) => putBackCount > 0).length,
        complaints: complaints.map((what) => `workflows: ${what}`),
      };
    },
  };
}

interface StoredWorkflow {
  readonly id: string;
  readonly status: string;
  readonly csv: string | null;
  readonly round: number;
  readonly isQueued: boolean;
  readonly eventCount: number;
}

async function checkRows(played: readonly Played[], admin: Pool): Promise<string[]> {
  const { rows } = await admin.query<StoredWorkflow>(
    `SELECT id, status, csv, round, is_queued AS "isQueued",
       (SELECT count(*) FROM messages WHERE type = 'workflow.consumed'
          AND data ->> 'workflow_id' = workflows.id::text)::int AS "eventCount"
     FROM workflows`,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const found = played.flatMap(({ uuid, gotCount, putBackCount }, number) => {
    const row = byId.get(uuid ?? '');
    if (row === undefined) return [`${number} is not stored`];
    const { status, csv, round, isQueued, eventCount } = row;
    return [
      ...(status === 'consumed' ? [] : [`${number} is ${status}`]),
      ...(isQueued ? [`${number} waits for a message`] : []),
      ...(csv === csvOf(number) ? [] : [`${number} has the CSV ${JSON.stringify(csv)}`]),
      ...(gotCount <= round
        ? []
        : [`${number} was given out ${gotCount} times in ${round} rounds`]),
      ...(round <= putBackCount + 1 ? [] : [`${number} is in round ${round}`]),
      ...(eventCount === round ? [] : [`${number} has ${eventCount} events in ${round} rounds`]),
    ];
  });
  const deadLetters = await admin.query(
    `SELECT FROM dead_letters WHERE detail NOT LIKE 'It is no JSON.%'`,
  );
  return [
    ...found,
    ...(rows.length === played.length ? [] : [`${rows.length} rows are stored`]),
    ...(deadLetters.rowCount === 0 ? [] : [`${deadLetters.rowCount} dead letters`]),
  ];
}

/** More digits than JavaScript keeps. */
function exactOf(number: number): string {
  return `12345678901234567890.${number}0`;
}

function csvOf(number: number): string {
  return `number,exact\r\n${number},${exactOf(number)}\r\n`;
}
