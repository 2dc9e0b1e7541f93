/** POST /events. */
import { customersAmong } from '../catalog/catalog.ts';
import type { TenantScope } from '../core/tenant-scope.ts';
import type { Api } from '../http/api-module.ts';
import { OPERATORS } from '../http/caller.ts';
import { invalidField, ProblemError } from '../http/problems.ts';
import { refuseEncoding, takeRawBodies } from '../http/raw-bodies.ts';
import { RECORD_MEDIA_TYPES, type SentRecords } from '../http/sent-records.ts';
import { type ScopedPool, workAsOwner } from '../platform/scoped-postgres.ts';
import type { EventSchemas } from './event-schemas.ts';
import { EVENT_PROBLEMS } from './events-problems.ts';
import type { Event, EventFailure, ParsedEvent } from './events.ts';
import { readEvents } from './read-events.ts';
import { sendEventsSchema, type SentEventOutcome } from './send-events-schema.ts';
import { refuseReserved, storeEvents, unknownClient, type StoreOutcome } from './store-events.ts';

export interface SendEventsDeps {
  readonly pool: ScopedPool;
  readonly schemas: EventSchemas;
}

/** As for pulses. */
const BODY_BYTES_MAX = 2 * 1024 * 1024;

/** In a separate scope, because it reads bodies as bytes, so that no number is rounded. */
export function addSendEvents(api: Api, deps: SendEventsDeps): void {
  void api.register((scope: Api, _options, done) => {
    takeRawBodies(scope, RECORD_MEDIA_TYPES);
    scope.post(
      '/events',
      {
        schema: sendEventsSchema,
        // Each event is recorded as a message.
        config: { roles: OPERATORS, unaudited: true },
        bodyLimit: BODY_BYTES_MAX,
        // The schema is only for the documentation; the rules are those of the queue.
        validatorCompiler: () => () => true,
        onRequest: (request, _reply, next) => {
          refuseEncoding(request);
          next();
        },
      },
      async (request) => {
        const sent = request.body as SentRecords | undefined;
        if (sent === undefined) throw invalidField('body', 'is required');
        const { tenants } = request.user;
        return toAnswer(await sendEvents(deps, readEvents(sent), tenants));
      },
    );
    done();
  });
}

/** @returns As many outcomes as events, in their order. */
async function sendEvents(
  { pool, schemas }: SendEventsDeps,
  sent: readonly ParsedEvent[],
  tenants: TenantScope,
): Promise<StoreOutcome[]> {
  const checked = sent.map(refuseIf(refuseReserved));
  const events = checked.flatMap((one) => (one.ok ? [one.event] : []));
  if (events.length === 0) return settle(checked, []);
  return await workAsOwner(pool, tenants, async (client) => {
    const named = events.map((event) => event.client);
    const own = tenants === 'all' ? undefined : await customersAmong(client, named, tenants);
    const admitted = checked.map(
      refuseIf((event) => (own?.has(event.client) === false ? unknownClient(event) : undefined)),
    );
    const storable = admitted.flatMap((one) => (one.ok ? [one.event] : []));
    return settle(admitted, await storeEvents(client, storable, schemas));
  });
}

function refuseIf(find: (event: Event) => EventFailure | undefined) {
  return (parsed: ParsedEvent): ParsedEvent => {
    const failure = parsed.ok ? find(parsed.event) : undefined;
    return failure === undefined ? parsed : { ok: false, failure };
  };
}

/** @param stored Of those that are not refused, in their order. */
function settle(events: readonly ParsedEvent[], stored: readonly StoreOutcome[]): StoreOutcome[] {
  const outcomes = stored.values();
  return events.map((event) => {
    if (!event.ok) return event.failure;
    const { value } = outcomes.next();
    if (value === undefined) throw new RangeError('Every event has an outcome.');
    return value;
  });
}

/** 200 if any event is stored, now or before; else a problem with the same outcomes. */
function toAnswer(results: readonly StoreOutcome[]) {
  const outcomes = results.map(toOutcome);
  const count = (status: SentEventOutcome['status']): number =>
    outcomes.filter((outcome) => outcome.status === status).length;
  const stored = count('stored');
  const duplicate = count('duplicate');
  if (stored + duplicate > 0) return { stored, duplicate, rejected: count('rejected'), outcomes };
  throw new ProblemError(EVENT_PROBLEMS.PULSE_API_EVENTS_REJECTED, {
    detail: 'See `outcomes` for what is wrong with each.',
    members: { outcomes },
  });
}

function toOutcome(result: StoreOutcome, index: number): SentEventOutcome {
  if (typeof result === 'string') return { index, status: result };
  const { code, pointer, detail } = result;
  return { index, status: 'rejected', code, pointer, detail };
}
