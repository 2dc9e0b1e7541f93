/** The routes below /status. */
import { Type } from 'typebox';
import { DEAD_LETTER_REASONS } from '../contract/rejection.ts';
import { WITH_TOKEN } from '../http/example-terms.ts';
import { problemResponses } from '../http/problem-schema.ts';
import {
  count,
  instant,
  nullableCount,
  nullableInstant,
  orNull,
  querySchema,
} from '../http/schema-terms.ts';
import { IngestSchema } from './pause-schema.ts';
import { COUNTED_MAX } from './read-postgres.ts';
import { SERVER_NAMES } from './status.ts';

const EVENTS_MAX = 3_600;

const atMost = `at most ${COUNTED_MAX.toLocaleString('en-US')} are counted`;

const DEPTH = {
  ready: count('Messages that wait, without those that a consumer holds.'),
  consumers: count('Consumers of all processes.'),
};
const Depth = Type.Object(DEPTH);

const Sums = Type.Object({
  received: count(
    'Pulses that workers have taken from the queue and found valid, duplicates included, since the first start. ' +
      'The difference between two answers is a rate. It only grows, except by `pulse recover`.',
  ),
  counted: count(
    'Pulses that were added to sums since the first start. It grows as `received` does.',
  ),
  duplicates: count('Pulses that were recognised as repeats, since the first start.'),
  journalled: count('Pulses that are received, and in no sum yet.'),
  journal_seconds: count('The age of the oldest of them; 0 when there is none.'),
  live: count('Pulses in sums that no flush has taken.'),
  sealed: count('Pulses in sums that a flush has taken, and that are not in Postgres yet.'),
  leftovers: count('Batches of such sums. More than one for each shard means that flushes failed.'),
  unflushed_seconds: count(
    'The age of the oldest sum that is not in Postgres; 0 when there is none.',
  ),
});

const Books = Type.Object({
  drift: Type.Integer({
    description: 'Above 0: so many pulses were lost. Below 0: so many were counted twice.',
  }),
  journal_drift: Type.Integer({ description: 'The same for what the journal held.' }),
  balanced: Type.Boolean({ description: 'Whether both are 0 in each shard.' }),
  at: instant('When it was last looked at, about every 15 seconds.'),
});

const DeadLetters = Type.Object({
  open: count('All of `by_reason` together.'),
  by_reason: Type.Array(
    Type.Object({
      reason: Type.Enum([...DEAD_LETTER_REASONS]),
      count: count(`How many wait for a decision; ${atMost}.`),
    }),
    { description: 'The most frequent first; without reasons that have none.' },
  ),
});

const Deliveries = Type.Object({
  due: count(`Webhooks that are due at enabled endpoints; ${atMost}.`),
  late_seconds: count('For how long the endpoint that has waited longest has waited.'),
  endpoints: Type.Object({
    healthy: count('Enabled, and the last attempt succeeded.'),
    failing: count('Enabled, and no attempt has succeeded since one failed.'),
    disabled: count('Disabled.'),
  }),
});

const StatusSchema = Type.Object(
  {
    at: instant('When it was read.'),
    ingest: orNull(IngestSchema, 'Whether ingest is paused. From Postgres.'),
    queue: orNull(Depth, 'The queue of pulses. From RabbitMQ.'),
    dead_queue: orNull(Depth, 'Refused pulses on their way to the quarantine. From RabbitMQ.'),
    parked_queue: orNull(Depth, 'Dead letters that Postgres cannot store. From RabbitMQ.'),
    message_queues: orNull(
      Type.Array(
        Type.Object({
          name: Type.String(),
          ...DEPTH,
          needs_consumers: Type.Boolean({
            description: 'False: its messages wait until somebody asks for one.',
          }),
        }),
      ),
      'The queues of orders, subscriptions, events and workflows that exist. From RabbitMQ.',
    ),
    oldest_pulse_seconds: nullableCount(
      'The age of the oldest pulse that waits or is being counted; null where this process cannot know it, because ' +
        'other processes count.',
    ),
    sums: orNull(Sums, 'The sums of all tenants. From Redis; null also when it has lost its data.'),
    books: orNull(Books, 'Whether every pulse is where it should be. From Redis and Postgres.'),
    last_flush_at: nullableInstant('When sums last reached Postgres; null also if they never did.'),
    next_flush_at: nullableInstant(
      'When FLUSH_CRON of this process is next due; null if it never is.',
    ),
    dead_letters: orNull(DeadLetters, 'Dead letters that wait for a decision. From Postgres.'),
    outbox: orNull(
      Type.Object({
        waiting: count('Messages that are due and not published.'),
        oldest_seconds: count('For how long the oldest of them has waited.'),
        scheduled: count('Messages for later, such as retries.'),
      }),
      'Messages between Postgres and RabbitMQ. From Postgres.',
    ),
    deliveries: orNull(Deliveries, 'Webhooks. From Postgres.'),
    workflows: orNull(
      Type.Object({ waiting: count(`Workflows that wait to be consumed; ${atMost}.`) }),
      'From Postgres.',
    ),
    exports: orNull(
      Type.Object({
        queued: count('Exports that wait for an exporter, also because theirs has died.'),
        running: count('Exports in the making.'),
        oldest_seconds: count('Since the oldest of them was requested.'),
      }),
      'From Postgres.',
    ),
    unavailable: Type.Array(Type.Enum([...SERVER_NAMES]), {
      description: 'Servers that did not answer. What they know is null.',
    }),
    problems: Type.Array(Type.String(), {
      description: 'Sentences about what is wrong though the servers answer.',
    }),
  },
  { title: 'Status', description: 'How the whole installation is.' },
);

const PointSchema = Type.Object({
  at: instant('When it was read.'),
  received: nullableCount('As `sums.received`.'),
  counted: nullableCount('As `sums.counted`.'),
  queue_ready: nullableCount('As `queue.ready`.'),
  oldest_pulse_seconds: nullableCount('As in the status.'),
  journalled: nullableCount('As `sums.journalled`.'),
  live: nullableCount('As `sums.live`.'),
  dead_letters: nullableCount('As `dead_letters.open`.'),
  outbox: nullableCount('As `outbox.waiting`.'),
  deliveries: nullableCount('As `deliveries.due`.'),
});

export const getStatusSchema = {
  operationId: 'getStatus',
  tags: ['status'],
  summary: 'Shows how the whole installation is',
  description:
    'What `pulse status` shows, and more. It is read from the three servers at most once a second. The answer is ' +
    '200 even when servers do not answer: it comes within about two seconds, and what they know is null. What ' +
    'takes longer to count, which is all of Postgres but `ingest`, may be five seconds old.',
  curl: `curl -s "$API/status" ${WITH_TOKEN}`,
  response: { 200: StatusSchema, ...problemResponses(401, 403, 500) },
};

export const getHistorySchema = {
  operationId: 'getStatusHistory',
  tags: ['status'],
  summary: 'Shows how the last hour was',
  description:
    'A point about every ten seconds, oldest first, at most 360. Each API process has its own, in memory: after a ' +
    'restart there is none.',
  curl: `curl -s "$API/status/history" ${WITH_TOKEN}`,
  response: {
    200: Type.Object({ data: Type.Array(PointSchema) }, { title: 'StatusHistory' }),
    ...problemResponses(401, 403, 500),
  },
};

export const streamStatusSchema = {
  operationId: 'streamStatus',
  tags: ['status'],
  summary: 'Sends the status once a second',
  description:
    'Server-sent events: each `status` event has the body of `GET /status`. There is nothing to resume, so ' +
    '`Last-Event-ID` is ignored. A reader that is too slow misses events, and is disconnected if it takes none for ' +
    '30 seconds. The stream ends after an hour, when the caller may no longer listen and when the server shuts ' +
    'down; in the last two cases an `end` event has the `code` of the problem.',
  curl: `curl -sN "$API/status/stream?events=2" ${WITH_TOKEN}`,
  querystring: querySchema({
    events: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: EVENTS_MAX,
        description: 'End after so many events. Default: no limit.',
      }),
    ),
  }),
  response: {
    200: {
      description: 'Events, until the stream ends.',
      content: {
        'text/event-stream': {
          schema: Type.String({
            description: 'Events as the HTML standard defines them; the data of each is JSON.',
          }),
        },
      },
    },
    ...problemResponses(400, 401, 403, 500, 503),
  },
};
