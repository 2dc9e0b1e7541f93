/** The routes below /users. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { page } from '../http/page-schema.ts';
import {
  CHANGE_PROBLEMS,
  CREATE_PROBLEMS,
  LIST_PROBLEMS,
  READ_PROBLEMS,
} from '../http/problem-schema.ts';
import { instant, nullableInstant, querySchema } from '../http/schema-terms.ts';
import { TEXT_PATTERN } from '../http/text-schema.ts';
import { USERNAME_LENGTH_MAX, USERNAME_PATTERN, USERNAME_RULE, USERS_MAX } from './access-rules.ts';
import {
  newPasswordSchema,
  newScopeSchema,
  paging,
  roleSchema,
  scopeSchema,
} from './schema-terms.ts';

export const EXAMPLE_PASSWORD = 'long enough password';

/** An example command that adds a user, or is refused because there is one. */
export const exampleUser = (username: string, output = '') =>
  `curl -s "$API/users" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"username":"${username}","password":"${EXAMPLE_PASSWORD}","role":"viewer","tenants":["acme"]}'${output}`;

const UserSchema = Type.Object(
  {
    username: Type.String({ description: 'The name, which never changes.' }),
    role: roleSchema,
    tenants: scopeSchema,
    created_at: instant('When it was added.'),
    last_login_at: nullableInstant('When it last gave its password. Null: never.'),
    disabled_at: nullableInstant('Since when it is locked out. Null: it is not.'),
  },
  { title: 'User', description: 'A user. Never with a password.' },
);

const params = Type.Object({
  username: Type.String({
    ...{ minLength: 1, maxLength: USERNAME_LENGTH_MAX, pattern: TEXT_PATTERN, examples: ['alice'] },
    description: 'The name of a user.',
  }),
});

export const listUsersSchema = {
  operationId: 'listUsers',
  tags: ['auth'],
  summary: 'Lists the users, by name',
  description: 'Page by page: `next`, also in `Link`, leads to the next page.',
  curl: `curl -s "$API/users?limit=10" ${WITH_TOKEN}`,
  querystring: querySchema(paging),
  response: { 200: page(UserSchema), ...LIST_PROBLEMS },
};

export const addUserSchema = {
  operationId: 'addUser',
  tags: ['auth'],
  summary: 'Adds a user',
  description: `There may be ${USERS_MAX} users. No answer has a password.`,
  curl: exampleUser('example'),
  body: Type.Object(
    {
      username: Type.String({
        pattern: USERNAME_PATTERN,
        examples: ['alice', 'bob@example.com', 'carol'],
        description: `${USERNAME_RULE}.`,
      }),
      password: newPasswordSchema,
      role: roleSchema,
      tenants: newScopeSchema,
    },
    {
      additionalProperties: false,
      examples: [
        { username: 'alice', password: EXAMPLE_PASSWORD, role: 'operator', tenants: ['acme'] },
      ],
    },
  ),
  response: { 201: UserSchema, ...CREATE_PROBLEMS },
};

export const getUserSchema = {
  operationId: 'getUser',
  tags: ['auth'],
  summary: 'Returns one user',
  description: 'With the rights that it has now.',
  curl: `${exampleUser('example-get', ' > /dev/null')}
curl -s "$API/users/example-get" ${WITH_TOKEN}`,
  params,
  response: { 200: UserSchema, ...READ_PROBLEMS },
};

export const changeUserSchema = {
  operationId: 'changeUser',
  tags: ['auth'],
  summary: 'Changes the rights of a user, or disables it',
  description:
    'What is left out stays. Every process of the API notices within 2 seconds. Disabling ends all tokens of the ' +
    'user for good. Admins cannot take away their own access, and the last enabled admin stays one.',
  curl: `${exampleUser('example-change', ' > /dev/null')}
curl -s -X PATCH "$API/users/example-change" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"role":"operator","tenants":"all"}'`,
  params,
  body: Type.Object(
    {
      role: Type.Optional(roleSchema),
      tenants: Type.Optional(newScopeSchema),
      disabled: Type.Optional(Type.Boolean({ description: 'Whether the user is locked out.' })),
    },
    {
      additionalProperties: false,
      minProperties: 1,
      examples: [{ role: 'operator', tenants: 'all', disabled: false }],
    },
  ),
  response: { 200: UserSchema, ...CHANGE_PROBLEMS },
};

export const setPasswordSchema = {
  operationId: 'setUserPassword',
  tags: ['auth'],
  summary: 'Sets the password of a user',
  description: 'All tokens of the user end within 2 seconds.',
  curl: `${exampleUser('example-password', ' > /dev/null')}
curl -s -X PUT "$API/users/example-password/password" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"password":"${EXAMPLE_PASSWORD}"}'`,
  params,
  body: Type.Object(
    { password: newPasswordSchema },
    { additionalProperties: false, examples: [{ password: EXAMPLE_PASSWORD }] },
  ),
  response: { 204: Type.Null({ description: 'The password is set.' }), ...CHANGE_PROBLEMS },
};
