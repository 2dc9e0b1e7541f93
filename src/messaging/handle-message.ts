/**
 * One message from delivery to outcome. The consumer then sends the answer, if there is one, and acknowledges, except
 * when it is `held`.
 *
 * | what happens | outcome | committed in one transaction |
 * |---|---|---|
 * | `apply` succeeds | `done` | its effects, the inbox row with its answer, its publications |
 * | the inbox has the message | `duplicate` | nothing; the first answer is sent again |
 * | a transient error, attempts left | `retried` | a delayed copy with the next attempt's number |
 * | PutOffError, not too often | `retried` | a delayed copy with the same attempt's number |
 * | a transient error, the last attempt | `exhausted` | `abandon`, the inbox row with the failure as answer, the dead letter |
 * | ImpossibleError | `impossible` | the same |
 * | any other error, which is a defect | `retried` or `exhausted` | as for a transient error |
 * | Postgres is unavailable, or the process stops | `held` | nothing: the delivery stays unacknowledged |
 *
 * If the process dies right after a step, the message is delivered again: after `handled` and `replied` its copy is a
 * duplicate, answered from the inbox; after `acknowledged` it is gone.
 */
import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import type { Publication } from '../contract/publication.ts';
import { PulseError } from '../core/errors.ts';
import { HAS_TOO_MANY_VALUES, hasTooManyValues } from '../core/json-size.ts';
import { parseJson, withoutByteOrderMark } from '../core/parse-json.ts';
import type { Logger } from '../platform/logger.ts';
import { withTransaction } from '../platform/postgres.ts';
import type { Tracing } from '../platform/tracing.ts';
import { toDeadLetter, type GiveUpReason } from './dead-letter-message.ts';
import {
  ImpossibleError,
  PutOffError,
  type HandlerContext,
  type HandlerFailure,
  type HandlerTransaction,
  type MessageHandler,
} from './handler.ts';
import { claimMessage, findReply, forgetMessage, keepReply } from './inbox.ts';
import type { MessageStep } from './message-steps.ts';
import { toPublication, toRetry, type ReceivedMessage } from './message.ts';
import { writeToOutbox } from './outbox.ts';
import { ATTEMPTS_MAX, PUT_OFFS_MAX, retryDelayMs } from './retry-delay.ts';

export const MESSAGE_OUTCOMES = [
  'done',
  'duplicate',
  'retried',
  'exhausted',
  'impossible',
  'held',
] as const;
export type MessageOutcome = (typeof MESSAGE_OUTCOMES)[number];

export interface HandledMessage {
  readonly outcome: MessageOutcome;
  /** The answer, as JSON text. */
  readonly reply?: string | undefined;
}

export interface HandleDeps {
  readonly pool: Pick<Pool, 'connect'>;
  readonly logger: Logger;
  readonly tracing: Tracing;
  /** The exchange of the quarantine. */
  readonly deadExchange: string;
  /** Aborted when the process must stop. */
  readonly signal: AbortSignal;
  readonly onStep: (step: MessageStep) => void;
}

/** Handles one message. Never rejects on account of the message. */
export async function handleMessage(
  handler: MessageHandler,
  message: ReceivedMessage,
  deps: HandleDeps,
): Promise<HandledMessage> {
  const { logger, signal } = deps;
  const { queue, id, attempt, correlationId } = message;
  const log = logger.child({ queue, messageId: id, attempt, correlationId });
  const context: HandlerContext = { message, log, signal };
  let body: unknown;
  try {
    body = parseBody(handler, message);
    return await apply(handler, { body, context, deps });
  } catch (error) {
    if (isPostgresDown(error) || signal.aborted) return { outcome: 'held' };
    try {
      return await settleFailure(handler, error, { body, context, deps });
    } catch (second) {
      if (!isPostgresDown(second)) log.error({ err: second }, 'message could not be given up');
      return { outcome: 'held' };
    }
  }
}

interface Handling {
  /** Undefined when it could not be parsed. */
  readonly body: unknown;
  readonly context: HandlerContext;
  readonly deps: HandleDeps;
}

async function apply(
  handler: MessageHandler,
  { body, context, deps }: Handling,
): Promise<HandledMessage> {
  const prepared = await handler.prepare?.(body, context);
  const handled = await inTransaction(deps, context, async (transaction) => {
    const work = async (): Promise<MessageOutcome> => {
      await handler.apply(transaction, { body, prepared }, context);
      deps.onStep('written');
      return 'done';
    };
    if (handler.isIdempotent === true) return { outcome: await work() };
    return onceOnly(transaction, context.message, work);
  });
  deps.onStep('handled');
  return handled;
}

async function settleFailure(
  handler: MessageHandler,
  error: unknown,
  handling: Handling,
): Promise<HandledMessage> {
  const { message, log } = handling.context;
  if (error instanceof ImpossibleError) {
    const { failure } = error;
    log.warn({ code: failure.code, detail: failure.detail }, 'message cannot be handled');
    return giveUp(handler, { reason: 'message_impossible', failure }, handling);
  }
  if (error instanceof PutOffError && message.putOffCount < PUT_OFFS_MAX) {
    log.info({ code: error.code, reason: error.message }, 'message put off');
    const putOffCount = message.putOffCount + 1;
    return retry(handler, { ...message, putOffCount }, { delayOf: putOffCount, handling });
  }
  const isExpected = error instanceof PulseError && error.retryable;
  if (isExpected) log.warn({ code: error.code, reason: error.message }, 'message failed');
  else log.error({ err: error }, 'message failed');
  if (message.attempt < (handler.attemptsMax ?? ATTEMPTS_MAX)) {
    const attempt = message.attempt + 1;
    return retry(handler, { ...message, attempt }, { delayOf: message.attempt, handling });
  }
  const detail = isExpected ? error.message : 'An unexpected error; the log has the cause.';
  const failure = { code: 'attempts_exhausted', detail };
  return giveUp(handler, { reason: 'attempts_exhausted', failure }, handling);
}

/** @param how `delayOf`: the attempt whose delay is used. */
async function retry(
  handler: MessageHandler,
  next: ReceivedMessage,
  { delayOf, handling }: { readonly delayOf: number; readonly handling: Handling },
): Promise<HandledMessage> {
  const { context, deps } = handling;
  const copy = toRetry({ ...next, traceparent: carried(deps, next) });
  const runAt = new Date(Date.now() + retryDelayMs(delayOf, Math.random()));
  const known = identify(handler, next);
  const options = { runAt, key: retryKey(known) };
  await inTransaction(deps, context, async ({ client }) => {
    // The copy has the id in its properties, and would be taken for a copy of an earlier request that looks the same.
    if (known.isNew && known.id !== undefined) await forgetMessage(client, known);
    await writeToOutbox(client, copy, options);
  });
  return { outcome: 'retried' };
}

function giveUp(
  handler: MessageHandler,
  why: { readonly reason: GiveUpReason; readonly failure: HandlerFailure },
  { body, context, deps }: Handling,
): Promise<HandledMessage> {
  return inTransaction(deps, context, (transaction) =>
    onceOnly(transaction, identify(handler, context.message), async () => {
      if (body !== undefined) {
        await handler.abandon?.(transaction, { body, failure: why.failure }, context);
      }
      transaction.reply({ ok: false, ...why.failure });
      const message = { ...context.message, traceparent: carried(deps, context.message) };
      await writeToOutbox(transaction.client, toDeadLetter(deps.deadExchange, message, why));
      return why.reason === 'message_impossible' ? 'impossible' : 'exhausted';
    }),
  );
}

/**
 * Does the work for a message that was not handled before, and keeps its answer. A message without an id cannot be
 * recognized when it comes again; it is handled each time.
 */
async function onceOnly(
  { client, replies }: RepliedTransaction,
  message: ReceivedMessage,
  work: () => Promise<MessageOutcome>,
): Promise<HandledMessage> {
  const isKnown = message.id !== undefined;
  if (isKnown && !(await claimMessage(client, message))) {
    return { outcome: 'duplicate', reply: await findReply(client, message) };
  }
  const outcome = await work();
  const reply = replies.at(-1);
  // Kept without an address for it too: a copy may have one.
  if (isKnown && reply !== undefined) await keepReply(client, message, reply);
  return { outcome, reply };
}

/**
 * The message by its content, if that is what its handler goes by: messages of two producers may have one
 * `message_id`, and neither may be taken for the other.
 */
export function identify(
  { isIdempotent }: MessageHandler,
  message: ReceivedMessage,
): ReceivedMessage {
  if (isIdempotent !== true) return message;
  const hash = createHash('sha256')
    .update(JSON.stringify([message.id ?? null, message.routingKey]))
    .update(message.body);
  return { ...message, id: `content ${hash.digest('base64url')}`, isNew: false };
}

/** A copy that was scheduled before the process died replaces the one that is scheduled now. */
function retryKey(next: ReceivedMessage): string | undefined {
  const { queue, id, replayId, attempt, putOffCount } = next;
  if (id === undefined) return undefined;
  // A hash, because the names are a producer's, and graphile-worker refuses keys of more than 512 characters.
  const names = JSON.stringify([queue, id, replayId ?? null, attempt, putOffCount]);
  return `retry ${createHash('sha256').update(names).digest('base64url')}`;
}

/** For what the message leads to: of the span that handles it, or as it came where traces are off. */
function carried({ tracing }: HandleDeps, { traceparent }: ReceivedMessage): string | undefined {
  return tracing.carriedTraceparent() ?? traceparent;
}

interface RepliedTransaction extends HandlerTransaction {
  /** What it answered so far, as JSON text. */
  readonly replies: readonly string[];
}

function inTransaction<Result>(
  deps: HandleDeps,
  { message }: HandlerContext,
  work: (transaction: RepliedTransaction) => Promise<Result>,
): Promise<Result> {
  const { correlationId } = message;
  return withTransaction(deps.pool, (client) => {
    const replies: string[] = [];
    return work({
      client,
      publish(outgoing) {
        const origin = { correlationId, traceparent: carried(deps, message) };
        const publication: Publication = toPublication(outgoing, origin, Date.now());
        return writeToOutbox(client, publication);
      },
      reply(body) {
        replies.push(JSON.stringify(body));
      },
      replies,
    });
  });
}

export function isPostgresDown(error: unknown): boolean {
  return error instanceof PulseError && error.code === 'PULSE_POSTGRES_UNREACHABLE';
}

/** @throws ImpossibleError It is not JSON in UTF-8, has very many values, or is not what the handler takes. */
export function parseBody(handler: MessageHandler, message: ReceivedMessage): unknown {
  const { body } = message;
  // Parsing it would take seconds, in which the process handles nothing else.
  if (hasTooManyValues(body)) {
    const detail = `The body ${HAS_TOO_MANY_VALUES}`;
    throw new ImpossibleError({ code: 'body_too_large', detail });
  }
  const text = withoutByteOrderMark(body.toString());
  const value = parseJson(text, body);
  if (!(value instanceof SyntaxError)) return handler.parse(value, message, text);
  const failure = { code: 'malformed_json', detail: 'The body is not JSON in UTF-8.' };
  throw new ImpossibleError(failure, { cause: value });
}
