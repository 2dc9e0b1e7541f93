/** PUT /ingest/pause. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { problemResponses } from '../http/problem-schema.ts';
import { nullable, nullableInstant } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';

const NOTE_LENGTH_MAX = 500;

/** The newest order. */
export const IngestSchema = Type.Object(
  {
    paused: Type.Boolean({ description: 'Whether workers are told not to take pulses.' }),
    by: nullable('Who paused or resumed last; null if nobody ever did.'),
    note: nullable('Why.'),
    since: nullableInstant('When.'),
  },
  { title: 'Ingest', description: 'Whether ingest is paused, since when, by whom and why.' },
);

const PauseBody = Type.Object(
  {
    paused: Type.Boolean({ description: 'True pauses, false resumes.' }),
    note: Type.Optional(
      textSchema(NOTE_LENGTH_MAX, 'Why, in a sentence, for the history. Needed to pause.'),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ paused: false, note: 'Redis has moved' }],
  },
);

export const putPauseSchema = {
  operationId: 'pauseIngest',
  tags: ['status'],
  summary: 'Pauses or resumes ingest',
  description:
    'Workers notice within seconds: they finish what they hold, and take no more pulses. Nothing is lost: pulses ' +
    'wait in the queue. The order holds until the opposite one, through every restart. An order that changes ' +
    'nothing is recorded too.',
  curl: `curl -s -X PUT "$API/ingest/pause" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"paused":true,"note":"Redis moves to another machine"}'
curl -s -X PUT "$API/ingest/pause" ${WITH_TOKEN} ${WITH_JSON} -d '{"paused":false}'`,
  body: PauseBody,
  response: { 200: IngestSchema, ...problemResponses(400, 401, 403, 413, 415, 500, 503) },
};
