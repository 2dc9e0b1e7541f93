/** Checks the data of events against the schemas of their types, for two seconds or so at worst. */
import { createWorkTurns } from '../platform/work-turns.ts';
import type { EventSchemas } from './event-schemas.ts';
import { failed, type Event, type EventFailure } from './events.ts';
import { STEPS_MAX } from './json-schema/event-schema.ts';
import type { EventReferences } from './messages-query.ts';

/** Of all checks of a call: after that, no further one begins. */
const STEPS_SUM_MAX = 6 * STEPS_MAX;

/** What a check has found. */
export interface CheckedEvent {
  /** Of the type: what the data was checked against. */
  readonly version: number;
  readonly failure: EventFailure | undefined;
  readonly steps: number;
}

/**
 * Checks those that refer to what exists, unless `before` has checked them against the same version. The schemas must be
 * loaded.
 *
 * @returns As many as events, in their order; undefined where there is nothing to check against.
 */
export async function checkEvents(
  events: readonly Event[],
  { producers, clients, versions }: EventReferences,
  { schemas, before }: { schemas: EventSchemas; before: readonly (CheckedEvent | undefined)[] },
): Promise<(CheckedEvent | undefined)[]> {
  const nextTurn = createWorkTurns();
  const checked = [...before];
  let steps = before.reduce((sum, one) => sum + (one?.steps ?? 0), 0);
  for (const [index, { producer, client, type: name, data }] of events.entries()) {
    const version = versions.get(name);
    if (version === undefined || !producers.has(producer) || !clients.has(client)) continue;
    if (before[index]?.version === version) continue;
    await nextTurn();
    if (steps >= STEPS_SUM_MAX) {
      checked[index] = { version, failure: TOO_COSTLY, steps: 0 };
      continue;
    }
    const result = schemas.validate({ name, version }, data);
    const failure = result.ok
      ? undefined
      : failed(`/data${result.pointer}`, result.detail, 'invalid_data').failure;
    checked[index] = { version, failure, steps: result.steps };
    steps += result.steps;
  }
  return checked;
}

const TOO_COSTLY = failed(
  '',
  'The checks of the events before this one took too long. Send it again, with fewer events at a time.',
  'too_costly',
).failure;
