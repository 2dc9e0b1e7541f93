/** What a domain says about one of its queues: how a message is read and what it changes. */
import type { PoolClient } from 'pg';
import { TransientError } from '../core/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { OutgoingMessage, ReceivedMessage } from './message.ts';
import type { QueueBinding } from './queues.ts';

/** Why a message could not be handled. */
export interface HandlerFailure {
  /** A closed list per domain, such as `unknown_sku`; the dead letter's detail begins with it. */
  readonly code: string;
  /** One sentence for the person who has to fix it. */
  readonly detail: string;
}

/** This message never works as it is: it becomes a dead letter at once. */
export class ImpossibleError extends Error {
  readonly failure: HandlerFailure;

  constructor(failure: HandlerFailure, options?: ErrorOptions) {
    super(failure.detail, options);
    this.name = 'ImpossibleError';
    this.failure = failure;
  }
}

/**
 * Nothing was tried, because it would be in vain at present. The message comes back later, and this was no attempt; but
 * when it has been put off `PUT_OFFS_MAX` times, it is one.
 */
export class PutOffError extends TransientError {}

/** The transaction in which a message takes effect. */
export interface HandlerTransaction {
  readonly client: PoolClient;
  /** Publishes with the transaction; correlation id and trace continue those of the message. */
  readonly publish: (message: OutgoingMessage) => Promise<void>;
  /**
   * Answers the message, after the commit, if it has a `reply_to`. A copy of the message gets the same answer. Without
   * a call there is none, except that a message that is given up is answered with the failure.
   *
   * @param body Becomes JSON.
   */
  readonly reply: (body: object) => void;
}

export interface HandlerContext {
  readonly message: ReceivedMessage;
  readonly log: Logger;
  /** Aborted when the process must stop. */
  readonly signal: AbortSignal;
}

/**
 * Handles the messages of one queue.
 *
 * Steps: `parse`, then `prepare` outside any transaction, then `apply` in one transaction together with
 * the inbox. Each may run again for the same message if the process dies in between; only one `apply`
 * commits. Any of them may throw ImpossibleError; a TransientError is tried again later, a PutOffError too.
 */
export interface MessageHandler<Body = unknown, Prepared = unknown> {
  readonly binding: QueueBinding;
  /**
   * @param text The JSON text of the body.
   * @throws ImpossibleError The body is not what this queue takes.
   */
  readonly parse: (body: unknown, message: ReceivedMessage, text: string) => Body;
  /** Reads, and calls other services. Changes nothing of ours. */
  readonly prepare?: (body: Body, context: HandlerContext) => Promise<Prepared>;
  readonly apply: (
    transaction: HandlerTransaction,
    input: { readonly body: Body; readonly prepared: Prepared },
    context: HandlerContext,
  ) => Promise<void>;
  /** In the transaction that dead-letters the message, for example to mark what it was about as failed. */
  readonly abandon?: (
    transaction: HandlerTransaction,
    input: { readonly body: Body; readonly failure: HandlerFailure },
    context: HandlerContext,
  ) => Promise<void>;
  /** Default: 5. */
  readonly attemptsMax?: number;
  /** `apply` recognizes what it has done before by the body, so the inbox is not asked. */
  readonly isIdempotent?: true;
  /** Handles several messages in one transaction, where one for each would be too slow. Needs `isIdempotent`. */
  readonly applyAll?: (
    transaction: Pick<HandlerTransaction, 'client'>,
    bodies: readonly Body[],
  ) => Promise<readonly BatchOutcome[]>;
}

/** What became of one message of several. A failure makes it a dead letter. */
export type BatchOutcome = 'done' | 'duplicate' | HandlerFailure;

/** Keeps the types of one handler together, and lets a list hold handlers of different types. */
export function defineHandler<Body, Prepared>(
  handler: MessageHandler<Body, Prepared>,
): MessageHandler {
  return handler as unknown as MessageHandler;
}

/** A handler of messages that are always handled together; one alone is a batch of one. */
export function defineBatchHandler<Body>({
  binding,
  parse,
  applyAll,
}: Pick<MessageHandler<Body>, 'binding' | 'parse'> &
  Required<Pick<MessageHandler<Body>, 'applyAll'>>): MessageHandler {
  return defineHandler<Body, undefined>({
    binding,
    isIdempotent: true,
    parse,
    async apply({ client }, { body }) {
      const [outcome] = await applyAll({ client }, [body]);
      if (typeof outcome === 'object') throw new ImpossibleError(outcome);
    },
    applyAll,
  });
}
