/** GET /unsubscribed-usage. */
import { Type } from 'typebox';
import { WITH_TOKEN } from '../http/example-terms.ts';
import { cursorPaging, page } from '../http/page-schema.ts';
import { LIST_PROBLEMS } from '../http/problem-schema.ts';
import { instant, querySchema } from '../http/schema-terms.ts';

/** Two texts of 128 characters, as JSON in base64url. */
const CURSOR_LENGTH_MAX = 4_096;

const UnsubscribedUsage = Type.Object(
  {
    tenant: Type.String({ description: 'Who used it.' }),
    product_sku: Type.String({ description: 'What was used.' }),
    pulse_count: Type.Number({
      description: 'How many pulses; those that were delivered twice count twice.',
    }),
    first_seen_at: instant('When the first was seen.'),
    last_seen_at: instant('When the last was seen.'),
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
  querystring: querySchema(cursorPaging(CURSOR_LENGTH_MAX)),
  response: { 200: page(UnsubscribedUsage), ...LIST_PROBLEMS },
};
