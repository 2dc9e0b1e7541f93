/** The routes below /keys. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { page } from '../http/page-schema.ts';
import { CREATE_PROBLEMS, LIST_PROBLEMS, READ_PROBLEMS } from '../http/problem-schema.ts';
import { instant, nullableInstant, querySchema } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { KEY_LIFE_DAYS, KEY_NAME_LENGTH_MAX, KEYS_MAX } from './access-rules.ts';
import { newScopeSchema, paging, roleSchema, scopeSchema } from './schema-terms.ts';

const ID_LENGTH_MAX = 64;

const KEY = {
  id: Type.String({ description: 'The part of the key that is no secret.' }),
  name: Type.String({ description: 'What it is for.' }),
  role: roleSchema,
  tenants: scopeSchema,
  created_by: Type.String({ description: 'Who created it.' }),
  created_at: instant('When it was created.'),
  expires_at: instant('When it expires.'),
  revoked_at: nullableInstant('When it was revoked. Null: it is not.'),
  last_used_at: nullableInstant('When it was last used, to the minute. Null: never.'),
};

const KeySchema = Type.Object(KEY, {
  title: 'Key',
  description: 'A key. Never with its secret.',
});

const NewKeySchema = Type.Object(
  {
    ...KEY,
    key: Type.String({
      description: 'The key, in this answer only. Send it as `Authorization: Bearer <key>`.',
    }),
  },
  { title: 'NewKey', description: 'A new key with its secret.' },
);

const exampleKey = (name: string) =>
  `curl -s "$API/keys" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"name":"${name}","role":"operator","tenants":["acme"],"expires_in_days":365}'`;

export const listKeysSchema = {
  operationId: 'listKeys',
  tags: ['auth'],
  summary: 'Lists the keys, newest first',
  description:
    'Also those that are revoked or expired. Page by page: `next`, also in `Link`, leads to the next page.',
  curl: `curl -s "$API/keys?limit=10" ${WITH_TOKEN}`,
  querystring: querySchema(paging),
  response: { 200: page(KeySchema), ...LIST_PROBLEMS },
};

export const createKeySchema = {
  operationId: 'createKey',
  tags: ['auth'],
  summary: 'Creates a key',
  description:
    'The answer is the only one with the key: Pulse keeps a hash of it. If the answer is lost, revoke the key and ' +
    `create another. ${KEYS_MAX} keys may be unrevoked.`,
  curl: exampleKey('meter'),
  body: Type.Object(
    {
      name: textSchema(KEY_NAME_LENGTH_MAX, 'What it is for.'),
      role: roleSchema,
      tenants: newScopeSchema,
      expires_in_days: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: KEY_LIFE_DAYS.max,
          default: KEY_LIFE_DAYS.default,
          description: 'How long it is valid.',
        }),
      ),
    },
    {
      additionalProperties: false,
      examples: [{ name: 'meter', role: 'operator', tenants: ['acme'], expires_in_days: 365 }],
    },
  ),
  response: { 201: NewKeySchema, ...CREATE_PROBLEMS },
};

export const revokeKeySchema = {
  operationId: 'revokeKey',
  tags: ['auth'],
  summary: 'Revokes a key for good',
  description:
    'It is refused within 2 seconds, and stays in the list. A key that is revoked already gets the same answer.',
  curl: `ID=$(${exampleKey('for a day')} | jq -r .id)
curl -s -X DELETE "$API/keys/$ID" ${WITH_TOKEN}`,
  params: Type.Object({ id: textSchema(ID_LENGTH_MAX, 'The id of a key.') }),
  response: { 204: Type.Null({ description: 'It is revoked.' }), ...READ_PROBLEMS },
};
