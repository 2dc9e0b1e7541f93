/** Sends a test event to an endpoint at once, signed as the real ones are. Nothing of it is stored. */
import { randomUUID } from 'node:crypto';
import { PULSE_PRODUCER, webhookIdOf, type Message } from '../events/events.ts';
import type { Connections } from '../platform/scoped-postgres.ts';
import { noEndpoint, withKeys } from './change-endpoint.ts';
import { webhookBody } from './delivery.ts';
import { readForSending } from './endpoints-query.ts';
import type { SecretBox } from './secret-box.ts';
import type { WebhookSender } from './send-webhook.ts';
import { signedHeaders } from './signature.ts';

export const TEST_TYPE = 'endpoint.test';

export interface TestEndpointDeps {
  readonly pool: Connections;
  readonly secretBox: Pick<SecretBox, 'open'>;
  readonly sender: Pick<WebhookSender, 'send'>;
}

/** A disabled endpoint can be tested, too, before it is enabled. The test changes nothing of it. */
export async function testEndpoint(id: string, { pool, secretBox, sender }: TestEndpointDeps) {
  const endpoint = await readForSending(pool, id, ['enabled', 'disabled']);
  if (endpoint === undefined) throw noEndpoint();
  const sentAt = new Date();
  const message = testMessage(endpoint, sentAt);
  const webhookId = webhookIdOf(message);
  const body = webhookBody(message);
  const secrets = withKeys(() => endpoint.secrets.map((secret) => secretBox.open(secret, id)));
  const timestampSec = Math.floor(sentAt.getTime() / 1000);
  const signed = signedHeaders({ id: webhookId, timestampSec, body, secrets });
  const headers = { ...signed, 'content-type': 'application/json' };
  const result = await sender.send({ url: endpoint.url, headers, body });
  return {
    webhook_id: webhookId,
    attempted_at: sentAt.toISOString(),
    outcome: result.outcome,
    status_code: result.statusCode ?? null,
    duration_ms: Math.round(result.durationMs),
    error: result.error ?? null,
    response: result.response ?? null,
  };
}

/** Number 0: the messages of a client count from 1. */
function testMessage({ id, client }: { readonly id: string; readonly client: string }, at: Date) {
  return {
    producer: PULSE_PRODUCER,
    id: randomUUID(),
    type: TEST_TYPE,
    typeVersion: 1,
    client,
    number: '0',
    data: JSON.stringify({ endpoint_id: id }),
    occurredAt: at,
    storedAt: at,
  } satisfies Message;
}
