/** Requests to the handlers of subscriptions without RabbitMQ in between. */
import type { Pool } from 'pg';
import { pino } from 'pino';
import { handleMessage } from '../../src/messaging/handle-message.ts';
import type { RpcClient } from '../../src/messaging/rpc-client.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import { cancelOnRequest } from '../../src/subscriptions/cancel-subscription.ts';
import { purchaseOnRequest } from '../../src/subscriptions/purchase-subscription.ts';
import { restartOnRequest } from '../../src/subscriptions/restart-subscription.ts';

/** The real handlers, each called in turn with the request. */
export function directRpc(pool: Pool): Pick<RpcClient, 'call'> {
  const handlers = [purchaseOnRequest, cancelOnRequest, restartOnRequest].map((create) =>
    create(''),
  );
  return {
    async call({ routingKey, body, messageId, correlationId }) {
      const handler = handlers.find(({ binding }) => binding.routingKey === routingKey);
      if (handler === undefined) throw new RangeError(`Nobody handles ${routingKey}.`);
      const { reply } = await handleMessage(
        handler,
        {
          id: messageId,
          isNew: false,
          queue: handler.binding.queue,
          attempt: 1,
          putOffCount: 0,
          replayId: undefined,
          exchange: handler.binding.exchange,
          routingKey,
          body,
          correlationId,
          traceparent: undefined,
          replyTo: 'test',
        },
        {
          pool,
          logger: pino({ level: 'silent' }),
          tracing: NO_TRACING,
          deadExchange: 'dead',
          signal: new AbortController().signal,
          onStep: () => undefined,
        },
      );
      return reply === undefined ? undefined : (JSON.parse(reply) as unknown);
    },
  };
}
