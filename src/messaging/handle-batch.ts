/**
 * Handles messages of one queue together, in one transaction, for a handler that has `applyAll`.
 *
 * Each message has the outcome that it would have had alone (handle-message.ts), and the dead letters of a batch commit
 * with it. A batch that fails is taken apart: each of its messages is handled alone, so that one of them cannot keep the
 * others from being handled.
 */
import type { PoolClient } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { toDeadLetter } from './dead-letter-message.ts';
import {
  handleMessage,
  identify,
  isPostgresDown,
  parseBody,
  type HandleDeps,
  type HandledMessage,
} from './handle-message.ts';
import { ImpossibleError, type HandlerFailure, type MessageHandler } from './handler.ts';
import { claimMessages } from './inbox.ts';
import type { ReceivedMessage } from './message.ts';
import { writeAllToOutbox } from './outbox.ts';

/** A handler that can handle several messages at once. */
export type BatchHandler = MessageHandler & Required<Pick<MessageHandler, 'applyAll'>>;

/** A message and what its body says. */
export interface ParsedMessage {
  readonly message: ReceivedMessage;
  readonly parsed: Parsed;
}

/** Handles a batch. Never rejects on account of its messages. @returns As many outcomes as messages, in their order. */
export async function handleAll(
  handler: BatchHandler,
  batch: readonly ParsedMessage[],
  deps: HandleDeps,
): Promise<readonly HandledMessage[]> {
  const { pool, logger, signal } = deps;
  try {
    const handled = await withTransaction(pool, (client) =>
      applyAll(handler, batch, { client, deps }),
    );
    deps.onStep('handled');
    return handled;
  } catch (error) {
    if (isPostgresDown(error) || signal.aborted) return batch.map(() => ({ outcome: 'held' }));
    const { queue } = handler.binding;
    logger.warn({ err: error, queue, messages: batch.length }, 'batch failed');
    const handled: HandledMessage[] = [];
    for (const { message } of batch) handled.push(await handleMessage(handler, message, deps));
    return handled;
  }
}

type Parsed =
  { readonly ok: true; readonly body: unknown } | { readonly ok: false; readonly error: unknown };

export function parse(handler: MessageHandler, message: ReceivedMessage): Parsed {
  try {
    return { ok: true, body: parseBody(handler, message) };
  } catch (error) {
    return { ok: false, error };
  }
}

interface Transaction {
  readonly client: PoolClient;
  readonly deps: HandleDeps;
}

async function applyAll(
  handler: BatchHandler,
  batch: readonly ParsedMessage[],
  { client, deps }: Transaction,
): Promise<HandledMessage[]> {
  const bodies = batch.flatMap(({ parsed }) => (parsed.ok ? [parsed.body] : []));
  const outcomes = bodies.length === 0 ? [] : await handler.applyAll({ client }, bodies);
  if (outcomes.length !== bodies.length) throw new RangeError('Each message needs an outcome.');
  let next = 0;
  const results = batch.map(({ parsed }) =>
    parsed.ok ? outcomes[next++] : failureOf(parsed.error),
  );
  const failed = batch.flatMap(({ message }, index) => {
    const result = results[index];
    return typeof result === 'object' ? [{ message, failure: result }] : [];
  });
  await giveUp(handler, failed, { client, deps });
  deps.onStep('written');
  return results.map((result) => ({
    outcome: typeof result === 'string' ? result : 'impossible',
  }));
}

/** @throws What is no fault of the message. */
function failureOf(error: unknown): HandlerFailure {
  if (error instanceof ImpossibleError) return error.failure;
  throw error;
}

async function giveUp(
  handler: BatchHandler,
  failed: readonly { readonly message: ReceivedMessage; readonly failure: HandlerFailure }[],
  { client, deps }: Transaction,
): Promise<void> {
  if (failed.length === 0) return;
  const known = failed.map(({ message }) => identify(handler, message));
  const isClaimed = await claimMessages(client, handler.binding.queue, known);
  const letters = failed.filter((_, index) => isClaimed[index]);
  if (letters.length === 0) return;
  const codes = [...new Set(letters.map(({ failure }) => failure.code))];
  const facts = { queue: handler.binding.queue, messages: letters.length, codes };
  deps.logger.warn(facts, 'messages cannot be handled');
  await writeAllToOutbox(
    client,
    letters.map(({ message, failure }) =>
      toDeadLetter(deps.deadExchange, message, { reason: 'message_impossible', failure }),
    ),
  );
}
