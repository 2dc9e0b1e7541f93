/**
 * Publishes requests and waits for their answers, over RabbitMQ's direct reply-to: one channel and one consumer for all
 * requests of a process, and no queue for any.
 *
 * | what happens | what the caller gets |
 * |---|---|
 * | the answer comes in time | the answer |
 * | the link is lost before the answer | the same request again, under the same message id: whoever handled it answers as before |
 * | no answer in time, RabbitMQ has stored the request | `undefined`: it will be handled, later |
 * | no answer in time, RabbitMQ has not confirmed the request | an error: it may have been published |
 * | the exchange or its queue does not exist | an error at once |
 */
import { randomBytes } from 'node:crypto';
import type { ConfirmChannel } from 'amqplib';
import type { Publication } from '../contract/publication.ts';
import { codeOf, toError } from '../core/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { unconfirmed } from '../publish/amqp-terms.ts';
import { createPublisher, type Publisher } from '../publish/publisher.ts';

/** A request, without what the client adds: the address of the answer, and its correlation id. */
export type RpcRequest = Omit<Publication, 'replyTo'> & { readonly messageId: string };

export interface RpcClient {
  /** Of the connection to RabbitMQ. */
  readonly state: Publisher['state'];
  /**
   * Publishes a request and waits for its answer.
   *
   * @returns The answer, parsed; undefined when the request is stored and the answer is late.
   * @throws TransientError RabbitMQ has not confirmed the request, or takes none. It may have been published, so
   * repeat it under the same message id.
   */
  call(request: RpcRequest, timeoutMs: number): Promise<unknown>;
  close(timeoutMs?: number): Promise<void>;
}

const REPLY_ADDRESS = 'amq.rabbitmq.reply-to';
const CORRELATION_LENGTH_MAX = 200;

/** A request that waits for its answer. */
interface Call {
  readonly onAnswer: (answer: unknown) => void;
  /** There is a new channel: the answer would have come to the one before. */
  readonly onChannel: () => void;
}

/** Connects in the background, and reconnects until it is closed. */
export function createRpcClient({
  url,
  logger,
  name,
  waitTimeoutMs,
}: {
  readonly url: string;
  readonly logger: Logger;
  /** Shown by RabbitMQ beside the connection. */
  readonly name: string;
  /** A request that could not be sent for this long is dropped. */
  readonly waitTimeoutMs: number;
}): RpcClient {
  const calls = new Map<string, Call>();

  const listen = async (channel: ConfirmChannel): Promise<void> => {
    await channel.consume(
      REPLY_ADDRESS,
      (message) => {
        const { correlationId } = (message?.properties ?? {}) as { correlationId?: unknown };
        const answer = message === null ? undefined : parseAnswer(message.content);
        // The answer to a request that has given up waiting, or to a copy of one, finds nobody.
        if (answer !== undefined) calls.get(String(correlationId))?.onAnswer(answer);
      },
      { noAck: true },
    );
    for (const { onChannel } of calls.values()) onChannel();
  };
  const publisher = createPublisher({ url, logger, name, waitTimeoutMs, prepareChannel: listen });

  return {
    get state() {
      return publisher.state;
    },
    call: (request, timeoutMs) => callOnce({ publisher, calls }, request, timeoutMs),
    close: (timeoutMs) => publisher.close(timeoutMs),
  };
}

function callOnce(
  { publisher, calls }: { readonly publisher: Publisher; readonly calls: Map<string, Call> },
  request: RpcRequest,
  timeoutMs: number,
): Promise<unknown> {
  // The id of a request to the API is its caller's choice, so it cannot tell answers apart by itself.
  const origin = (request.correlationId ?? '').slice(0, CORRELATION_LENGTH_MAX);
  const correlationId = `${origin}/${randomBytes(9).toString('base64url')}`;
  const publication = { ...request, correlationId, replyTo: REPLY_ADDRESS };
  return new Promise((resolve, reject) => {
    let isSending = false;
    let isStored = false;
    let failure: Error | undefined;
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      calls.delete(correlationId);
      settle();
    };
    const send = async (): Promise<void> => {
      if (isSending) return;
      isSending = true;
      try {
        await publisher.publish(publication);
        isStored = true;
      } catch (error) {
        failure = toError(error);
        const isOver = !maySendAgain(error) || publisher.state === 'closed';
        if (isOver)
          end(() => {
            reject(toError(error));
          });
      } finally {
        isSending = false;
      }
    };
    const timer = setTimeout(() => {
      end(() => {
        if (isStored) resolve(undefined);
        else reject(failure ?? unconfirmed('RabbitMQ did not confirm the request in time.'));
      });
    }, timeoutMs);
    calls.set(correlationId, {
      onAnswer: (answer) => {
        end(() => {
          resolve(answer);
        });
      },
      onChannel: () => void send(),
    });
    void send();
  });
}

/** Whether the next channel sends it again: the link was lost before the confirm, or the channel refuses everything. */
function maySendAgain(error: unknown): boolean {
  const codes: readonly unknown[] = ['PULSE_PUBLISH_UNCONFIRMED', 'PULSE_PUBLISH_REFUSED'];
  return codes.includes(codeOf(error));
}

function parseAnswer(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString());
  } catch {
    return undefined;
  }
}
