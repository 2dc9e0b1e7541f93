/** GET /pulses and GET /pulses/:id. */
import { Type, type Static } from 'typebox';
import { SKU_LENGTH_MAX, TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../contract/rules.ts';
import { WITH_TOKEN } from '../http/example-terms.ts';
import { spanParameters } from '../http/page-schema.ts';
import { LIST_PROBLEMS, READ_PROBLEMS } from '../http/problem-schema.ts';
import { instant, nullable, querySchema, uuid } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';

export const PAGE_MAX = 10_000_000;
export const LIMIT_MAX = 1_000;
export const LIMIT_DEFAULT = 10;

export const PulsesQuery = querySchema({
  page: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: PAGE_MAX,
      description: 'Counted from 1, which is also the default.',
    }),
  ),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMIT_MAX,
      default: LIMIT_DEFAULT,
      description: 'Rows per page.',
    }),
  ),
  after: Type.Optional(
    Type.String({
      pattern: '^(0|[1-9][0-9]{0,18})$',
      description:
        'Instead of `page`: only rows with a greater id. `0` begins a walk through all rows, which goes on ' +
        'with `next`; the `id` of a row that was read before goes on after it.',
    }),
  ),
  tenant: Type.Optional(textSchema(TENANT_LENGTH_MAX, 'Only this tenant, compared exactly.')),
  product_sku: Type.Optional(textSchema(SKU_LENGTH_MAX, 'Only this SKU, compared exactly.')),
  use_unity: Type.Optional(textSchema(UNIT_LENGTH_MAX, 'Only this unit, compared exactly.')),
  ...spanParameters('windows that start'),
});
export type PulsesQuery = Static<typeof PulsesQuery>;

/** At most 19 digits, as many as an int64 has. */
export const PulseParams = Type.Object({
  id: Type.String({ pattern: '^[1-9][0-9]{0,18}$', description: 'The id of a row.' }),
});

export const PulseRow = Type.Object(
  {
    id: Type.String({ description: 'A 64-bit integer, as a string so that no client rounds it.' }),
    tenant: Type.String({ description: 'Who is billed.' }),
    product_sku: Type.String({ description: 'What was used.' }),
    use_unity: Type.String({ description: 'The unit of the amount.' }),
    used_amount: Type.String({
      pattern: '^[0-9]+(\\.[0-9]{1,9})?$',
      description:
        'The exact sum as a decimal string without exponent or trailing zeros (`3.5`, `12`).',
    }),
    pulse_count: Type.Integer({ description: 'How many pulses are in the sum.' }),
    window_start: instant('The start of the UTC hour in which the pulses were used.'),
    flush_batch_id: uuid('The flush that wrote the row.'),
    flushed_at: instant('When the row was written. Rows never change.'),
  },
  {
    title: 'PulseRow',
    description:
      'The sum of one tenant, SKU, unit and hour in one flush. Late pulses make another row for the ' +
      'same hour: a total is the sum of all rows.',
  },
);
export type PulseRow = Static<typeof PulseRow>;

export const listPulsesSchema = {
  operationId: 'listPulses',
  tags: ['pulses'],
  summary: 'Lists the flushed sums, page by page',
  description:
    'Rows by ascending id. `total` and the rows are read in one snapshot. The header `Link` ' +
    '(RFC 8288) has the first, previous, next and last page with the same filters.\n\n' +
    'With `after` the rows come by a cursor, at the same cost wherever it is, and every row comes once. Rows are ' +
    'left for later while a flush that began before them is in progress. Where few rows match the filters, a page ' +
    'may be short, or empty, although `next` is there: follow it until it is null.',
  curl: `curl -s "$API/pulses?page=1&limit=10&from=2026-01-01T00:00:00Z" ${WITH_TOKEN}`,
  querystring: PulsesQuery,
  response: {
    200: Type.Object(
      {
        data: Type.Array(PulseRow),
        page: Type.Optional(Type.Integer({ description: 'Not with `after`.' })),
        limit: Type.Integer(),
        total: Type.Optional(
          Type.Integer({ description: 'Rows on all pages. Not with `after`, which counts none.' }),
        ),
        next: Type.Optional(
          nullable('Only with `after`: send it as the next `after`; null on the last page.'),
        ),
      },
      { description: 'One page of rows.' },
    ),
    ...LIST_PROBLEMS,
  },
};

export const getPulseSchema = {
  operationId: 'getPulse',
  tags: ['pulses'],
  summary: 'Shows one flushed sum',
  description: 'One row of `GET /pulses`, by its id. Rows never change.',
  curl: `ID=$(curl -s "$API/pulses?limit=1" ${WITH_TOKEN} | jq -r '.data[0].id')
curl -s "$API/pulses/$ID" ${WITH_TOKEN}`,
  params: PulseParams,
  response: { 200: PulseRow, ...READ_PROBLEMS },
};
