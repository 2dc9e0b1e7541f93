/** What both sides of the scenario with events share: what the events refer to, and the events of a round. */
import type { Pool } from 'pg';
import { putCustomer } from '../src/catalog/catalog-query.ts';
import { insertVersion, putProducer } from '../src/events/events-query.ts';
import {
  fakeClient,
  FAKE_PRODUCERS,
  FAKE_TYPES,
  generateFakeEvents,
} from '../src/events/fake-producers.ts';

const CLIENTS = 100;

/** The valid events of a round. */
export interface EventsRound {
  readonly seed: number;
  readonly count: number;
}

export async function registerFakes(pool: Pool): Promise<void> {
  const client = await pool.connect();
  for (const id of FAKE_PRODUCERS) await putProducer(client, { id, name: null });
  for (const { name, schema, description } of FAKE_TYPES) {
    const version = { name, version: 1, schema, description, isBreaking: false };
    await insertVersion(client, { ...version, createdBy: 'bench' });
  }
  for (let number = 1; number <= CLIENTS; number++) {
    const id = fakeClient(number);
    await putCustomer(client, { id, name: id, email: null, tenant: null });
  }
  client.release();
}

export function eventBodies({ seed, count }: EventsRound): Buffer[] {
  const options = { seed, count, bad: 0, duplicates: 0, clients: CLIENTS };
  return Array.from(generateFakeEvents(options), ({ body }) => body);
}
