/** GET /usage and GET /usage.csv. */
import { Type, type Static } from 'typebox';
import { problemResponses } from '../http/problem-schema.ts';
import { instant, nullable, nullableCount, querySchema } from '../http/schema-terms.ts';
import { USAGE_WINDOWS } from './usage.ts';
import { SKU_LENGTH_MAX, TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../contract/rules.ts';
import { SpreadsheetParameter } from '../http/csv.ts';
import { WITH_TOKEN } from '../http/example-terms.ts';
import { textSchema } from '../http/text-schema.ts';

export const USAGE_LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
const FILTER_VALUES_MAX = 100;

const repeatable = (lengthMax: number, what: string) =>
  Type.Optional(
    Type.Array(textSchema(lengthMax, `A ${what}, compared exactly.`), {
      maxItems: FILTER_VALUES_MAX,
      description: `Only this ${what}; repeat the parameter for several.`,
    }),
  );
/** Without `examples`: the reference page would fill in a month in which nothing was used. */
const place = (description: string, example: string) =>
  Type.Optional(
    Type.String({
      maxLength: 40,
      description:
        `${description} An RFC 3339 instant, or a date, which stands for its first moment in \`tz\`, ` +
        `such as \`${example}\`.`,
    }),
  );

export const UsageParameters = querySchema({
  from: place('Only hours that start at this time or later.', '2026-03-01'),
  to: place('Only hours that start before this time.', '2026-03-29T12:00:00+02:00'),
  window: Type.Optional(
    Type.Enum([...USAGE_WINDOWS], {
      description: 'One sum per hour, day or month; `none`, the default, adds up the whole span.',
    }),
  ),
  tz: Type.Optional(
    Type.String({
      maxLength: 64,
      description:
        'The time zone of days and months: `UTC`, the default, or a name such as `Europe/Berlin`. A day ' +
        'may have 23 or 25 hours. An hour belongs to the day in which it starts.',
      examples: ['Europe/Berlin'],
    }),
  ),
  group_by: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 8,
      description:
        'One sum per `tenant`, `product_sku` or `use_unity`; repeat the parameter or separate with ' +
        'commas. The unit is always included, because amounts of different units have no sum.',
      examples: [['tenant', 'product_sku']],
    }),
  ),
  tenant: repeatable(TENANT_LENGTH_MAX, 'tenant'),
  product_sku: repeatable(SKU_LENGTH_MAX, 'SKU'),
  use_unity: repeatable(UNIT_LENGTH_MAX, 'unit'),
  order: Type.Optional(
    Type.Enum(['asc', 'desc'], {
      description: 'By window, then tenant, SKU and unit; `asc` is the default.',
    }),
  ),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: LIMIT_MAX,
      description: `At most this many rows. Default: ${USAGE_LIMIT_DEFAULT} in JSON, all in CSV and NDJSON.`,
    }),
  ),
  after: Type.Optional(
    Type.String({ maxLength: 4_096, description: '`next` of the previous page.' }),
  ),
  live: Type.Optional(
    Type.Enum(['true', 'false'], {
      description: 'Whether to add pulses that are counted and not flushed; `true` is the default.',
    }),
  ),
  as_of: Type.Optional(
    instant('Answers as of this instant: only pulses that had been flushed by then.'),
  ),
});
export type UsageParameters = Static<typeof UsageParameters>;

const UsageRow = Type.Object(
  {
    window_start: Type.Optional(instant('The start of the window, with the offset of `tz`.')),
    window_end: Type.Optional(instant('The start of the next window.')),
    tenant: Type.Optional(Type.String({ description: 'Who is billed.' })),
    product_sku: Type.Optional(Type.String({ description: 'What was used.' })),
    use_unity: Type.String({ description: 'The unit of the amount.' }),
    used_amount: Type.String({
      pattern: '^[0-9]+(\\.[0-9]{1,9})?$',
      description: 'The exact sum as a plain decimal string.',
    }),
    pulse_count: Type.Integer({ description: 'How many pulses are in the sum.' }),
    provisional: Type.Boolean({ description: 'Whether some of it is not flushed yet.' }),
  },
  {
    title: 'UsageRow',
    description: 'One sum. Members that the request does not group by are left out.',
  },
);

const FRESHNESS = {
  complete_through: instant(
    'Every pulse that was used before this, and counted before the request, is flushed.',
  ),
  final_through: instant('No further pulse that was used before this can be counted.'),
  provisional: Type.Boolean({
    description:
      'Whether the same request may be answered differently later, for the windows it has now.',
  }),
  pending: nullableCount(
    'Pulses in these sums that are not flushed; null when such pulses are left out.',
  ),
  journalled: nullableCount(
    'Pulses of all tenants that were received and are in no sum yet; most are added within a second. ' +
      'Null when pulses that are not flushed are left out.',
  ),
};

const Page = Type.Object(
  {
    data: Type.Array(UsageRow),
    next: nullable('Send it as `after` for the next page; null on the last page.'),
    window_seconds: Type.Integer({
      description:
        'The length of the windows that pulses are added up by. `from` and `to` must be a multiple of it since 1970.',
    }),
    ...FRESHNESS,
  },
  { description: 'One page of sums, and how complete they are.' },
);

const route = {
  tags: ['usage'],
  querystring: UsageParameters,
};
const csv = { schema: Type.String({ description: 'RFC 4180, with a header line.' }) };
const ndjson = { schema: Type.String({ description: 'One row per line, as JSON.' }) };

export const getUsageSchema = {
  ...route,
  operationId: 'getUsage',
  summary: 'Adds up usage',
  description:
    'Exact sums of all pulses that are counted, flushed or not, each counted once. ' +
    '`Accept: text/csv` or `application/x-ndjson` streams all rows; how complete they are is then in the headers ' +
    '`Pulse-Complete-Through`, `Pulse-Final-Through`, `Pulse-Provisional` and `Pulse-Pending`. While Redis may have ' +
    'lost sums, only `live=false` and `as_of` are answered; others get 503.',
  curl: `curl -s "$API/usage?window=day&tz=Europe/Berlin&group_by=tenant,product_sku" ${WITH_TOKEN}`,
  response: {
    200: {
      description: 'The sums, and how complete they are.',
      content: {
        'application/json': { schema: Page },
        'text/csv': csv,
        'application/x-ndjson': ndjson,
      },
    },
    ...problemResponses(400, 401, 403, 429, 500, 503),
  },
};

export const getUsageCsvSchema = {
  ...route,
  querystring: querySchema({
    ...UsageParameters.properties,
    spreadsheet: SpreadsheetParameter,
  }),
  operationId: 'getUsageCsv',
  summary: 'Adds up usage, as CSV',
  description: 'The same as `GET /usage` with `Accept: text/csv`.',
  curl: `curl -sf "$API/usage.csv?window=day&group_by=tenant,product_sku" ${WITH_TOKEN}`,
  response: {
    200: { description: 'All rows.', content: { 'text/csv': csv } },
    ...problemResponses(400, 401, 403, 429, 500, 503),
  },
};
