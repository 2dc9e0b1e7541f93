/** GET /unsubscribed-usage. */
import { Type } from 'typebox';
import { WITH_TOKEN } from '../http/example-terms.ts';
import { problemResponses } from '../http/problem-schema.ts';
import { pageLimit } from './subscriptions-schema.ts';

/** Two texts of 128 characters, as JSON in base64url. */
const CURSOR_LENGTH_MAX = 4_096;

const UnsubscribedUsage = Type.Object(
  {
    tenant: Type.String({ description: 'Who used it.' }),
    product_sku: Type.String({ description: 'What was used.' }),
    pulse_count: Type.Number({
      description: 'How many pulses; those that were delivered twice count twice.',
    }),
    first_seen_at: Type.String({ format: 'date-time', description: 'When the first was seen.' }),
    last_seen_at: Type.String({ format: 'date-time', description: 'When the last was seen.' }),
  },
  {
    title: 'UnsubscribedUsage',
    description: 'A product that a tenant uses without a subscription.',
  },
);

export const listUnsubscribedSchema = {
  operationId: 'listUnsubscribedUsage',
  tags: ['subscriptions'],
  summary: 'Lists what tenants use without a subscription',
  description:
    'By tenant and product, of the last 35 days, while `ADMISSION` is `observe` or `enforce`. Up to a ' +
    'few seconds old.',
  curl: `curl -s "$API/unsubscribed-usage?limit=10" ${WITH_TOKEN}`,
  querystring: Type.Object(
    {
      limit: pageLimit,
      after: Type.Optional(
        Type.String({ maxLength: CURSOR_LENGTH_MAX, description: '`next` of the page before.' }),
      ),
    },
    { additionalProperties: false },
  ),
  response: {
    200: Type.Object(
      {
        data: Type.Array(UnsubscribedUsage),
        next: Type.Union([Type.String(), Type.Null()], {
          description: 'Send it as `after`; null on the last page.',
        }),
      },
      { description: 'One page.' },
    ),
    ...problemResponses(400, 401, 403, 500, 503),
  },
};
