/** The routes below /customers, /products and /units. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { page } from '../http/page-schema.ts';
import { CHANGE_PROBLEMS, LIST_PROBLEMS, READ_PROBLEMS } from '../http/problem-schema.ts';
import { instant, nullable, querySchema } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { TIER_MODES } from './prices.ts';
import { ID_LENGTH_MAX, paging, patternPaging } from './schema-terms.ts';

const NAME_LENGTH_MAX = 256;
const TIERS_MAX = 50;
const DIMENSION = '[a-z][a-z0-9_]{0,31}';
/** numeric(20,9), not negative. */
const unitAmount = Type.String({
  pattern: '^(0|[1-9][0-9]{0,10})(\\.[0-9]{1,9})?$',
  description:
    'The price of one unit: a decimal string, at most 11 digits before and 9 after the point.',
});
const currency = Type.String({
  pattern: '^[A-Z]{3}$',
  examples: ['USD'],
  description: 'The currency, ISO 4217.',
});
const validFrom = instant('From when it is the price.');
const key = (description: string) => Type.Object({ id: textSchema(ID_LENGTH_MAX, description) });
const skuParams = Type.Object({ sku: textSchema(ID_LENGTH_MAX, 'The SKU of a product.') });

const CUSTOMER_EXAMPLE = { name: 'Acme Inc.', email: 'billing@acme.example', tenant: 'acme' };
const CustomerSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    email: nullable('Where to write to.'),
    tenant: nullable('The tenant whose pulses bill the customer.'),
  },
  { title: 'Customer', description: 'Who orders and pays.' },
);

const PRODUCT_EXAMPLE = { name: 'Object storage', unit: 'GB·h', active: true, recurring: true };
const ProductSchema = Type.Object(
  {
    sku: Type.String(),
    name: Type.String(),
    unit: Type.String({ description: 'A unit, or a product of units such as `GB·h`.' }),
    active: Type.Boolean({ description: 'Only active products can be ordered.' }),
    recurring: Type.Boolean({
      description: 'Information for whoever bills. An order prices the product once either way.',
    }),
  },
  { title: 'Product', description: 'What can be ordered or used.' },
);

const Tiers = Type.Object(
  {
    mode: Type.Enum([...TIER_MODES], {
      description:
        '`graduated`: each unit costs what its tier says. `volume`: all units cost what the tier of the ' +
        'month’s quantity says.',
    }),
    steps: Type.Array(
      Type.Object(
        {
          up_to: Type.Union([Type.Integer({ minimum: 1, maximum: 1_000_000_000 }), Type.Null()], {
            description: 'The last unit of the tier in the calendar month (UTC); null: no end.',
          }),
          unit_amount: unitAmount,
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: TIERS_MAX },
    ),
  },
  { additionalProperties: false, description: 'Prices by quantity.' },
);

const PRICE_EXAMPLE = { currency: 'USD', unit_amount: '0.025', valid_from: '2026-01-01T00:00:00Z' };
const PriceSchema = Type.Object(
  {
    sku: Type.String(),
    currency,
    unit_amount: unitAmount,
    valid_from: validFrom,
    tiers: Type.Union([Tiers, Type.Null()]),
  },
  { title: 'Price', description: 'What a product costs from an instant on, until the next price.' },
);

const UnitSchema = Type.Object(
  {
    unit: Type.String(),
    dimension: Type.String(),
    factor: Type.String({
      description: 'In base units of the dimension: a decimal or a fraction.',
    }),
  },
  { title: 'Unit', description: 'A unit with its exact factor.' },
);

const put = (path: string, body: object) =>
  `curl -s -X PUT "$API/${path}" ${WITH_TOKEN} ${WITH_JSON} \\\n  -d '${JSON.stringify(body)}'`;
/** Examples that read take what is there: a PUT would replace it. */
const ONE_SKU = `SKU=$(curl -s "$API/products?limit=1" ${WITH_TOKEN} | jq -r '.data[0].sku|@uri')`;

export const putCustomerSchema = {
  operationId: 'putCustomer',
  tags: ['catalog'],
  summary: 'Creates or replaces a customer',
  description: 'Orders that are enriched already keep the customer as it was.',
  curl: put('customers/123', CUSTOMER_EXAMPLE),
  params: key('The id of a customer.'),
  body: Type.Object(
    {
      name: textSchema(NAME_LENGTH_MAX, 'The name.'),
      email: Type.Optional(Type.String({ format: 'email', maxLength: 254 })),
      tenant: Type.Optional(textSchema(ID_LENGTH_MAX, 'The tenant to bill; one customer each.')),
    },
    { additionalProperties: false, examples: [CUSTOMER_EXAMPLE] },
  ),
  response: { 200: CustomerSchema, 201: CustomerSchema, ...CHANGE_PROBLEMS },
};

export const getCustomerSchema = {
  operationId: 'getCustomer',
  tags: ['catalog'],
  summary: 'Shows a customer',
  description: 'By its id.',
  curl: `ID=$(curl -s "$API/customers?limit=1" ${WITH_TOKEN} | jq -r '.data[0].id|@uri')
curl -s "$API/customers/$ID" ${WITH_TOKEN}`,
  params: key('The id of a customer.'),
  response: { 200: CustomerSchema, ...READ_PROBLEMS },
};

export const listCustomersSchema = {
  operationId: 'listCustomers',
  tags: ['catalog'],
  summary: 'Lists customers',
  description: 'By ascending id.',
  curl: `curl -s "$API/customers?limit=10" ${WITH_TOKEN}`,
  querystring: querySchema({
    ...paging,
    tenant: Type.Optional(textSchema(ID_LENGTH_MAX, 'Only the customer of it.')),
  }),
  response: { 200: page(CustomerSchema, 'One page of customers.'), ...READ_PROBLEMS },
};

export const putProductSchema = {
  operationId: 'putProduct',
  tags: ['catalog'],
  summary: 'Creates or replaces a product',
  description: 'Prices are added with `POST /products/{sku}/prices`.',
  curl: put('products/object-storage', PRODUCT_EXAMPLE),
  params: skuParams,
  body: Type.Object(
    {
      name: textSchema(NAME_LENGTH_MAX, 'The name.'),
      unit: {
        ...textSchema(64, 'A unit of `GET /units`, or a product of them.'),
        examples: ['GB·h'],
      },
      active: Type.Optional(Type.Boolean({ default: true })),
      recurring: Type.Optional(Type.Boolean({ default: false })),
    },
    { additionalProperties: false, examples: [PRODUCT_EXAMPLE] },
  ),
  response: { 200: ProductSchema, 201: ProductSchema, ...CHANGE_PROBLEMS },
};

export const getProductSchema = {
  operationId: 'getProduct',
  tags: ['catalog'],
  summary: 'Shows a product',
  description: 'By its SKU.',
  curl: `${ONE_SKU}
curl -s "$API/products/$SKU" ${WITH_TOKEN}`,
  params: skuParams,
  response: { 200: ProductSchema, ...READ_PROBLEMS },
};

export const listProductsSchema = {
  operationId: 'listProducts',
  tags: ['catalog'],
  summary: 'Lists products',
  description: 'By ascending SKU.',
  curl: `curl -s "$API/products?limit=10" ${WITH_TOKEN}`,
  querystring: querySchema(paging),
  response: { 200: page(ProductSchema, 'One page of products.'), ...READ_PROBLEMS },
};

export const addPriceSchema = {
  operationId: 'addPrice',
  tags: ['catalog'],
  summary: 'Adds a price',
  description:
    'Prices are never changed: the price at an instant is the latest that started before it. Two prices ' +
    'in one currency never start at the same instant.',
  curl: `${put('products/object-storage', PRODUCT_EXAMPLE)} > /dev/null
curl -s "$API/products/object-storage/prices" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"currency":"USD","unit_amount":"0.025","valid_from":"'"$(date -u +%FT%TZ)"'"}'`,
  params: skuParams,
  body: Type.Object(
    { currency, unit_amount: unitAmount, valid_from: validFrom, tiers: Type.Optional(Tiers) },
    { additionalProperties: false, examples: [PRICE_EXAMPLE] },
  ),
  response: { 201: PriceSchema, ...CHANGE_PROBLEMS },
};

export const listPricesSchema = {
  operationId: 'listPrices',
  tags: ['catalog'],
  summary: 'Lists the prices of a product',
  description: 'The newest first.',
  curl: `${ONE_SKU}
curl -s "$API/products/$SKU/prices?limit=10" ${WITH_TOKEN}`,
  params: skuParams,
  querystring: patternPaging('^[1-9][0-9]{0,17}$'),
  response: { 200: page(PriceSchema, 'One page of prices.'), ...READ_PROBLEMS },
};

export const listUnitsSchema = {
  operationId: 'listUnits',
  tags: ['catalog'],
  summary: 'Lists the units',
  description: 'By dimension and name, with their exact factor.',
  curl: `curl -s "$API/units?limit=10" ${WITH_TOKEN}`,
  querystring: patternPaging(`^${DIMENSION}\\.[^\\u0000-\\u001f\\u007f-\\u009f]+$`),
  response: {
    200: page(UnitSchema, 'One page of units.'),
    ...LIST_PROBLEMS,
  },
};

const UNIT_EXAMPLE = { dimension: 'count', factor: '12' };
export const putUnitSchema = {
  operationId: 'putUnit',
  tags: ['catalog'],
  summary: 'Adds a unit',
  description:
    'A unit is never changed, because amounts have been read with it: the same unit again is 200, another ' +
    'factor is 409.',
  curl: put('units/dozen', UNIT_EXAMPLE),
  params: Type.Object({ unit: textSchema(64, 'The name of the unit, without `·`.') }),
  body: Type.Object(
    {
      dimension: Type.String({
        pattern: `^${DIMENSION}$`,
        description: 'What it measures.',
      }),
      factor: Type.String({
        maxLength: 64,
        examples: ['12'],
        description: 'Such as `1000`, `0.001` or `1/8`.',
      }),
    },
    { additionalProperties: false, examples: [UNIT_EXAMPLE] },
  ),
  response: { 200: UnitSchema, 201: UnitSchema, ...CHANGE_PROBLEMS },
};
