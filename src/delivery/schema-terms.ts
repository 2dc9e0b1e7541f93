/** Parts of the schemas of endpoints and deliveries. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { instant, nullable, orNull } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';

export const ID_LENGTH_MAX = 128;

export const idSchema = (description: string) => textSchema(ID_LENGTH_MAX, description);
/** As that of `src/http`, but described inside as well. */
export const nullableInstant = (description: string) => orNull(instant(description), description);

/** What an attempt came to, without its number. */
export const ATTEMPT = {
  attempted_at: instant('When it was sent.'),
  outcome: Type.Enum(['delivered', 'failed'], { description: 'Delivered: 2xx.' }),
  status_code: orNull(Type.Integer(), 'Null: there was no answer.'),
  duration_ms: Type.Integer({ description: 'How long it took.' }),
  error: nullable('Why there was no usable answer.'),
  response: nullable('The first KiB of the answer, escaped.'),
};

/** It gets every type, among them those of Pulse itself. */
export const EXAMPLE_ENDPOINT = { client: '123', url: 'https://example.com/pulse' };

/** An example command that creates an endpoint, or leaves it as it is. */
export const exampleEndpoint = (id: string) =>
  `curl -s -X PUT "$API/endpoints/${id}" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '${JSON.stringify(EXAMPLE_ENDPOINT)}'`;
