/**
 * Consumes the next workflow of the queue.
 *
 * | # | step | if the process dies right after it |
 * |---|---|---|
 * | 1 | `delivered`: the message is taken | the broker gives it to the next caller |
 * | 2 | status and CSV are written, and the event | rolled back; the same |
 * | 3 | `handled`: committed | the next caller gets the message, sees that it is old, and takes the next one; `GET /workflow/{uuid}/csv` has the file |
 * | 4 | `acknowledged` | done |
 *
 * The row is locked from 2 to 3, so two callers never consume the same workflow. A message is old when its workflow is
 * consumed, or is in another round. Old messages are skipped.
 */
import type { Pool, PoolClient } from 'pg';
import { TransientError } from '../core/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { withTransaction } from '../platform/postgres.ts';
import { toDeadLetter } from '../messaging/dead-letter-message.ts';
import { ImpossibleError } from '../messaging/handler.ts';
import type { MessageGetter, TakenMessage } from '../messaging/message-getter.ts';
import type { ReceivedMessage } from '../messaging/message.ts';
import type { MessageStep } from '../messaging/message-steps.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { consume, type Consumed } from './change-status.ts';
import { parseInsertedMessage } from './workflows-queues.ts';
import { lockWorkflow, setTaken } from './workflows-query.ts';

export interface ConsumeDeps {
  /** Who consumes it. */
  readonly actor: string;
  readonly logger: Logger;
  readonly pool: Pick<Pool, 'connect'>;
  readonly queue: Pick<MessageGetter, 'get'>;
  readonly prefix: string;
  /** The exchange of the quarantine. */
  readonly deadExchange: string;
  /** Called after each step; fault tests stop the process there. */
  readonly onStep: (step: MessageStep) => void;
}

/** For how long old messages are skipped. */
const SKIPPING_MS = 5_000;
/** Messages that one transaction takes. */
const TAKEN_MAX = 100;
/** Our messages are far smaller. One of 60 MB would take ten seconds on its way through the outbox. */
const LARGE_BYTES = 64 * 1024;

/**
 * @returns Undefined when the queue is empty.
 * @throws TransientError RabbitMQ or Postgres is unavailable or too busy. Nothing is lost: the message is back in the
 * queue, or the workflow is consumed and has its file.
 */
export async function consumeNext(deps: ConsumeDeps): Promise<Consumed | undefined> {
  const giveUpAt = performance.now() + SKIPPING_MS;
  while (performance.now() < giveUpAt) {
    const outcome = await takeSome(deps);
    if (outcome !== 'old') return outcome;
  }
  throw new TransientError('PULSE_TIMEOUT', 'The queue begins with too many old messages.');
}

/** Takes messages in one transaction, until one names a workflow that is still to be consumed. */
async function takeSome(deps: ConsumeDeps): Promise<Consumed | 'old' | undefined> {
  const { pool, queue, onStep } = deps;
  const taken: TakenMessage[] = [];
  let large: TakenMessage | undefined;
  try {
    // Messages are taken inside the transaction, so that they stay in the queue while Postgres is unavailable.
    const outcome = await withTransaction(pool, async (client) => {
      while (taken.length < TAKEN_MAX) {
        const next = await queue.get();
        if (next === undefined) return undefined;
        // By itself, because several would fill the memory.
        if (next.message.body.length > LARGE_BYTES) {
          large = next;
          return 'old';
        }
        taken.push(next);
        onStep('delivered');
        const consumed = await consumeMessage(client, next.message, deps);
        if (consumed !== 'old') return consumed;
      }
      return 'old';
    });
    onStep('handled');
    for (const one of taken) one.acknowledge();
    if (large !== undefined) giveUp(large, deps.logger);
    onStep('acknowledged');
    return outcome;
  } catch (error) {
    for (const one of taken) one.giveBack();
    large?.giveBack();
    throw error;
  }
}

/** A message that is too large to be ours. */
function giveUp(large: TakenMessage, logger: Logger): void {
  const { id, body } = large.message;
  logger.warn({ messageId: id, bytes: body.length }, 'message is too large for a workflow');
  large.reject();
}

async function consumeMessage(
  client: PoolClient,
  message: ReceivedMessage,
  { prefix, deadExchange, actor, logger }: ConsumeDeps,
): Promise<Consumed | 'old'> {
  try {
    const { id, round } = parseInsertedMessage(message.body);
    const workflow = await lockWorkflow(client, id);
    if (workflow === undefined) {
      throw new ImpossibleError({
        code: 'unknown_workflow',
        detail: `There is no workflow ${id}.`,
      });
    }
    if (workflow.round !== round) return 'old';
    if (workflow.status === 'consumed') {
      if (workflow.isQueued) await setTaken(client, id);
      return 'old';
    }
    const context = { client, prefix, origin: message, actor };
    return await consume(context, { ...workflow, isQueued: false });
  } catch (error) {
    if (!(error instanceof ImpossibleError)) throw error;
    const { failure } = error;
    logger.warn({ messageId: message.id, ...failure }, 'message names no workflow');
    const reason = 'message_impossible';
    await writeToOutbox(client, toDeadLetter(deadExchange, message, { reason, failure }));
    return 'old';
  }
}
