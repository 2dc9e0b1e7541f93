/** The routes below /dead-letters. */
import { Type, type Static } from 'typebox';
import { DEAD_LETTER_REASONS } from '../contract/rejection.ts';
import { ID_LENGTH_MAX, TENANT_LENGTH_MAX } from '../contract/rules.ts';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { limitSchema, PAGE_LIMIT_DEFAULT, spanParameters } from '../http/page-schema.ts';
import {
  CHANGE_PROBLEMS,
  LIST_PROBLEMS,
  problemResponses,
  READ_PROBLEMS,
} from '../http/problem-schema.ts';
import { count, instant, nullable, orNull, querySchema, uuid } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { DEAD_LETTER_STATES } from './quarantine.ts';

export const BULK_LIMIT_DEFAULT = 100;
export const RATE_DEFAULT = 100;
/** Of a request that replaces a body: base64 of the largest body, and its envelope. */
export const FIX_REQUEST_BYTES_MAX = 12 * 1024 * 1024;

const oneTo = (maximum: number, standard: number, more: { description?: string } = {}) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, default: standard, ...more }));
const note = textSchema(1_000, 'Why, in a sentence, for the history.');
const cursor = (description: string) => Type.String({ maxLength: 64, description });

const Reason = Type.Enum([...DEAD_LETTER_REASONS], { description: 'Why it was not counted.' });
const State = Type.Enum([...DEAD_LETTER_STATES], {
  description:
    '`quarantined` waits for a decision. A `replayed` one that is refused again is `quarantined` again.',
});

const FILTERS = {
  reason: Type.Optional(Reason),
  tenant: Type.Optional(
    textSchema(TENANT_LENGTH_MAX, 'Only this tenant, if the body could be read; compared exactly.'),
  ),
  queue: Type.Optional(textSchema(255, 'Only messages of this queue, compared exactly.')),
  pulse_id: Type.Optional(textSchema(ID_LENGTH_MAX, 'Only pulses with this id, compared exactly.')),
  message_id: Type.Optional(textSchema(255, 'Only this AMQP message id, compared exactly.')),
  ...spanParameters('dead letters received'),
};

const BULK = {
  ...FILTERS,
  limit: oneTo(1_000, BULK_LIMIT_DEFAULT, { description: 'At most this many.' }),
  dry_run: Type.Optional(Type.Boolean({ default: false, description: 'Count, show the first.' })),
};

const EvenIfForgotten = Type.Boolean({
  default: false,
  description: 'Replay even if its id may be forgotten. If it was counted, it is counted twice.',
});

/** Examples, which the reference page fills in. Those in bulk change nothing. */
const EXAMPLES = {
  fix: { content: '{"tenant":"acme"}', note: 'the tenant was missing' },
  replay: { even_if_forgotten: false },
  replayMany: { reason: 'sum_overflow', limit: 100, dry_run: true },
  discard: { note: 'test traffic' },
  discardMany: { tenant: 'load-test', note: 'test traffic', dry_run: true },
};
const withExample = (name: keyof typeof EXAMPLES) =>
  ({ additionalProperties: false, examples: [EXAMPLES[name]] }) as const;
const sending = (name: keyof typeof EXAMPLES) =>
  `${WITH_JSON} \\
  -d '${JSON.stringify(EXAMPLES[name])}'`;

const BulkReplayBody = Type.Object(
  {
    ...BULK,
    rate_per_second: oneTo(1_000, RATE_DEFAULT),
    after: Type.Optional(cursor('`next` of an earlier answer.')),
    even_if_forgotten: Type.Optional(EvenIfForgotten),
  },
  withExample('replayMany'),
);

const BulkDiscardBody = Type.Object({ ...BULK, note }, withExample('discardMany'));
export type Filters = Pick<Static<typeof BulkDiscardBody>, keyof typeof FILTERS>;

/** The validator sees a missing body as null. */
const ReplayBody = Type.Unsafe<{ even_if_forgotten?: boolean } | null>({
  type: ['object', 'null'],
  properties: { even_if_forgotten: EvenIfForgotten },
  ...withExample('replay'),
});

const Encoding = Type.Enum(['utf8', 'base64'], {
  description: '`base64` for bytes that are not UTF-8.',
});
const FixBody = Type.Object(
  {
    content: Type.String({
      minLength: 1,
      description:
        'The complete new body; at most 8 MiB. A caller who is limited to tenants may send at most as many pulses as were refused.',
    }),
    encoding: Type.Optional(Encoding),
    note: Type.Optional(note),
  },
  withExample('fix'),
);

const Params = Type.Object({ id: uuid('The id of a dead letter.') });

const ROW = {
  id: uuid('The same for every copy of the same dead letter.'),
  state: State,
  reason: Reason,
  detail: Type.String({ description: 'What is wrong, in a sentence.' }),
  tenant: nullable('The tenant in the body, if it could be read.'),
  pulse_id: nullable('The id that the pulse counts under, if it could be read.'),
  message_id: nullable('The AMQP message id.'),
  queue: nullable('The queue that a replay goes to; null: the queue of pulses.'),
  pulse_index: orNull(
    Type.Integer(),
    'Its position in an array body; null for a body that is not an array.',
  ),
  body_bytes: count('Of the body that a replay sends.'),
  is_fixed: Type.Boolean({ description: 'Whether a person has replaced the body.' }),
  exchange: nullable('The exchange that it was published to.'),
  routing_key: nullable('The routing key that it was published with.'),
  redelivered: Type.Boolean({ description: 'Whether it had been delivered before.' }),
  received_at: instant('When it reached the quarantine.'),
};
const Row = Type.Object(ROW, {
  title: 'DeadLetterRow',
  description: 'A dead letter without its body.',
});

const Body = Type.Object({ encoding: Encoding, content: Type.String() });
const Detail = Type.Object(
  {
    ...ROW,
    properties: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Its AMQP properties and headers.',
    }),
    body: Body,
    body_is_cut: Type.Boolean({ description: 'Whether only its first 8 MiB are shown.' }),
    original_body: Type.Union([Body, Type.Null()], {
      description:
        'What was sent originally, if a person has replaced it. Null too if its tenant is not one of yours.',
    }),
    original_tenant: nullable('The tenant in the original body, where you may see that body.'),
    maybe_counted_since: nullable('Since when it may have been counted; null if it was not.'),
    actions: Type.Array(
      Type.Object({
        action: Type.Enum(['fixed', 'replay_started', 'replayed', 'reopened', 'discarded']),
        actor: nullable('Who; null for Pulse itself.'),
        via: Type.Enum(['api', 'command_line', 'quarantine'], {
          description:
            'How the actor is known: `api` by a token or key, `command_line` as stated there.',
        }),
        at: instant('When.'),
        note: nullable('Why.'),
        body_sha256_before: nullable('Of the body that was replaced, in hex.'),
        body_sha256: nullable('Of the body that replaced it or was sent, in hex.'),
      }),
      { description: 'Oldest first; at most the newest 500.' },
    ),
  },
  { title: 'DeadLetter', description: 'A dead letter with its body and history.' },
);

const PREVIEW = {
  matched: count('How many were quarantined and matched at the beginning.'),
  by_reason: Type.Record(Type.String(), Type.Integer(), { description: 'The same by reason.' }),
  first: Type.Array(Row, { description: 'The oldest five of them.' }),
};

const route = (operationId: string, summary: string, description: string) => ({
  operationId,
  tags: ['dead letters'],
  summary,
  description,
});

/** The newest quarantined one. */
const ONE = `ID=$(curl -s "$API/dead-letters?state=quarantined&limit=1" ${WITH_TOKEN} | jq -r '.data[0].id')`;

export const listDeadLettersSchema = {
  ...route(
    'listDeadLetters',
    'Lists the quarantine, newest first',
    'Without bodies. Send `next` as `after` for the next page, or follow the header `Link`. Pages do not shift.',
  ),
  curl: `curl -s "$API/dead-letters?state=quarantined&limit=10" ${WITH_TOKEN}`,
  querystring: querySchema({
    ...FILTERS,
    state: Type.Optional(State),
    limit: limitSchema(PAGE_LIMIT_DEFAULT),
    after: Type.Optional(cursor('`next` of the previous page.')),
  }),
  response: {
    200: Type.Object({ data: Type.Array(Row), next: nullable('Null at the end.') }),
    ...LIST_PROBLEMS,
  },
};

export const getDeadLetterSchema = {
  ...route('getDeadLetter', 'Shows one dead letter', 'With body, headers, origin and history.'),
  curl: `${ONE}
curl -s "$API/dead-letters/$ID" ${WITH_TOKEN}`,
  params: Params,
  response: { 200: Detail, ...READ_PROBLEMS },
};

export const fixDeadLetterSchema = {
  ...route(
    'fixDeadLetter',
    'Replaces the body of a dead letter',
    'Sends nothing: replay it afterwards. The new body is checked when it is ingested again, by the same ' +
      'rules as every pulse; if it breaks one, it is quarantined again. The original body is kept.',
  ),
  curl: `${ONE}
curl -s -X PUT "$API/dead-letters/$ID/body" ${WITH_TOKEN} ${sending('fix')}`,
  params: Params,
  body: FixBody,
  response: { 200: Row, ...CHANGE_PROBLEMS },
};

export const replayDeadLetterSchema = {
  ...route(
    'replayDeadLetter',
    'Sends one dead letter through the queue again',
    'Under its original identity, so that it is counted once however often it is replayed, from any state. ' +
      '409 when it may have been counted so long ago that its id is forgotten, its history is full, or its queue no longer exists.',
  ),
  curl: `${ONE}
curl -s -X POST "$API/dead-letters/$ID/replay" ${WITH_TOKEN}`,
  params: Params,
  body: ReplayBody,
  response: {
    200: Type.Object({
      outcome: Type.Enum(['replayed', 'overtaken'], {
        description: '`overtaken`: sent, and meanwhile refused again or changed by another caller.',
      }),
      dead_letter: Row,
    }),
    ...CHANGE_PROBLEMS,
  },
};

export const discardDeadLetterSchema = {
  ...route('discardDeadLetter', 'Discards one dead letter', 'Keeps it, with who, when and why.'),
  curl: `${ONE}
curl -s "$API/dead-letters/$ID/discard" ${WITH_TOKEN} ${sending('discard')}`,
  params: Params,
  body: Type.Object({ note }, withExample('discard')),
  response: { 200: Row, ...CHANGE_PROBLEMS },
};

export const replayManySchema = {
  ...route(
    'replayDeadLetters',
    'Replays quarantined dead letters that match, oldest first',
    'Needs at least one filter, and `limit / rate_per_second` may be at most 30 seconds. Answers when done; ' +
      'repeat with `after` set to `next` until that is null. 409 while another bulk replay of your tenants is in progress.',
  ),
  curl: `curl -s "$API/dead-letters/replay" ${WITH_TOKEN} ${sending('replayMany')}`,
  body: BulkReplayBody,
  response: {
    200: Type.Object({
      ...PREVIEW,
      dry_run: Type.Boolean(),
      replayed: count('Sent, and confirmed by the broker.'),
      overtaken: count('Sent, and meanwhile refused again or changed by another caller.'),
      forgotten: count('Not sent: may have been counted so long ago that the id is forgotten.'),
      full: count('Not sent: its history has as many actions as it may have.'),
      unroutable: count('Not sent: the queue that it came from no longer exists.'),
      missing: count('Not sent: changed by another caller just before.'),
      end: Type.Enum(['finished', 'limit', 'stopped', 'failed'], {
        description: '`stopped`: ran out of time; `failed`: a server did not answer.',
      }),
      next: nullable('Send it as `after` to continue.'),
      error: nullable('What failed.'),
    }),
    ...problemResponses(400, 401, 403, 409, 413, 415, 500, 503),
  },
};

export const discardManySchema = {
  ...route(
    'discardDeadLetters',
    'Discards quarantined dead letters that match, oldest first',
    'Needs at least one filter. Repeat it while `discarded` equals `limit`.',
  ),
  curl: `curl -s "$API/dead-letters/discard" ${WITH_TOKEN} ${sending('discardMany')}`,
  body: BulkDiscardBody,
  response: {
    200: Type.Object({ ...PREVIEW, dry_run: Type.Boolean(), discarded: count('Discarded now.') }),
    ...problemResponses(400, 401, 403, 413, 415, 500, 503),
  },
};
