/** Sends one message again: to the endpoint of a delivery, or to another endpoint of the same client. */
import type { PoolClient } from 'pg';
import { readMessage } from '../events/messages-query.ts';
import { ProblemError } from '../http/problems.ts';
import { noEndpoint } from './change-endpoint.ts';
import {
  lockSeen,
  readDelivery,
  readDeliveryOf,
  resendDelivery,
  wakeEndpoint,
} from './deliveries-query.ts';
import { DELIVERY_PROBLEMS } from './delivery-problems.ts';
import type { Delivery } from './delivery.ts';
import { lockEndpoint } from './endpoints-query.ts';
import { insertDeliveries } from './sender-query.ts';

/**
 * A message that its client got a moment ago may be sent twice to another endpoint: for this request, and because the
 * endpoint wants it. Both have the same `webhook-id`.
 *
 * @param endpointId Undefined: to the same endpoint.
 * @returns The delivery that is due now.
 * @throws ProblemError 404 the client has no such endpoint; 409 it is disabled, or the message is no longer stored.
 */
export async function resend(
  client: PoolClient,
  delivery: Delivery,
  endpointId: string = delivery.endpointId,
): Promise<Delivery> {
  const { producer, messageId, number } = delivery;
  const isOther = endpointId !== delivery.endpointId;
  const endpoint = await lockEndpoint(client, endpointId);
  if (isOther && endpoint?.client !== delivery.client) throw noEndpoint();
  if (endpoint?.status !== 'enabled') {
    throw new ProblemError(DELIVERY_PROBLEMS.PULSE_API_ENDPOINT_DISABLED, {
      detail: 'Enable the endpoint first, or send the message to another one with `endpoint`.',
    });
  }
  const message = await readMessage(client, { producer, id: messageId });
  if (message === undefined) {
    throw new ProblemError(DELIVERY_PROBLEMS.PULSE_API_MESSAGE_EXPIRED, {
      detail: 'The month of the message was dropped, so there is nothing to send.',
    });
  }
  const known = isOther ? await lockedDelivery(client, { endpointId, number }) : delivery;
  if (known === undefined) {
    await insertDeliveries(client, endpointId, [message]);
    await wakeEndpoint(client, endpointId);
    return (await readDeliveryOf(client, { endpointId, number })) ?? delivery;
  }
  await resendDelivery(client, known);
  return (await readDelivery(client, known.id)) ?? known;
}

/** The lock keeps two requests from adding the same delivery. */
async function lockedDelivery(
  client: PoolClient,
  place: Pick<Delivery, 'endpointId' | 'number'>,
): Promise<Delivery | undefined> {
  await lockSeen(client, place.endpointId);
  return readDeliveryOf(client, place);
}
