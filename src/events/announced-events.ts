/**
 * Pulse's own events. Domains announce what happens on their exchanges; each announcement about a customer is stored as
 * an event, with the id of the announcement. One about nobody that Pulse knows has no client, and is left out.
 */
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { defineBatchHandler, ImpossibleError, type MessageHandler } from '../messaging/handler.ts';
import type { ReceivedMessage } from '../messaging/message.ts';
import { BUILT_IN_TYPES } from './built-in-types.ts';
import type { EventSchemas } from './event-schemas.ts';
import { PULSE_PRODUCER, type Event } from './events.ts';
import { insertVersion } from './events-query.ts';
import { announcedType, eventQueues } from './events-queues.ts';
import { storeBatch, type StoreOutcome } from './store-events.ts';

/** Puts the types of Pulse's own events into the registry; those that are there stay. */
export async function ensureBuiltInTypes(pool: Pick<Pool, 'connect'>): Promise<void> {
  await withTransaction(pool, async (client) => {
    for (const { name, version, schema, description } of BUILT_IN_TYPES) {
      const createdBy = PULSE_PRODUCER;
      await insertVersion(client, {
        name,
        version,
        schema,
        description,
        isBreaking: false,
        createdBy,
      });
    }
  });
}

/** `events.announced` → a message each. */
export function storeAnnouncedEvents(prefix: string, schemas: EventSchemas): MessageHandler {
  return defineBatchHandler({
    binding: eventQueues(prefix).announced,
    parse: toEvent,
    async applyAll({ client }, bodies) {
      const outcomes = await storeBatch(client, bodies, schemas);
      return outcomes.map(fromOutcome);
    },
  });
}

function fromOutcome(outcome: StoreOutcome) {
  if (outcome === 'duplicate') return 'duplicate';
  if (typeof outcome !== 'object' || outcome.code === 'unknown_client') return 'done';
  const { code, pointer, detail } = outcome;
  return { code, detail: `${pointer}: ${detail}` };
}

function toEvent(body: unknown, { id, routingKey }: ReceivedMessage): Event {
  const type = announcedType(routingKey);
  const known = BUILT_IN_TYPES.find(({ name }) => name === type);
  if (known === undefined) throw invalid(`"${routingKey}" is not an event of Pulse.`);
  if (id === undefined) throw invalid('An announcement must have a message_id.');
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw invalid('The body must be a JSON object.');
  }
  const { [known.client]: client, ...rest } = body as Readonly<Record<string, unknown>>;
  if (typeof client !== 'string') throw invalid(`${known.client} must be the id of a customer.`);
  const data = known.client === 'client' ? rest : { [known.client]: client, ...rest };
  return {
    producer: PULSE_PRODUCER,
    id,
    type,
    client,
    data,
    dataText: JSON.stringify(data),
    occurredAt: undefined,
  };
}

function invalid(detail: string): ImpossibleError {
  return new ImpossibleError({ code: 'invalid_message', detail });
}
