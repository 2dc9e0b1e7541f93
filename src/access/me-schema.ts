/** GET /me, PUT /me/password. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { problemResponse, problemResponses } from '../http/problem-schema.ts';
import { nullableInstant } from '../http/schema-terms.ts';
import { TokenAnswer } from './login-schema.ts';
import { newPasswordSchema, passwordSchema, roleSchema, scopeSchema } from './schema-terms.ts';
import { exampleUser, EXAMPLE_PASSWORD } from './users-schema.ts';

export const getMeSchema = {
  operationId: 'getMe',
  tags: ['auth'],
  summary: 'Says who the caller is',
  description: 'For programs and pages that show only what the caller may do.',
  curl: `curl -s "$API/me" ${WITH_TOKEN}`,
  response: {
    200: Type.Object(
      {
        kind: Type.Enum(['user', 'key'], { description: 'Whether it sent a token or a key.' }),
        name: Type.String({ description: 'The username, or what the key is for.' }),
        actor: Type.String({
          description:
            'The caller in histories and the audit log: the username, or `key:` and the id of the key.',
        }),
        role: roleSchema,
        tenants: scopeSchema,
        expires_at: nullableInstant('When the token or key expires. Null: never.'),
      },
      { title: 'Me', description: 'The caller.' },
    ),
    ...problemResponses(401, 403, 500, 503),
  },
};

export const changeOwnPasswordSchema = {
  operationId: 'changeOwnPassword',
  tags: ['auth'],
  summary: 'Changes the password of the caller',
  description:
    'All tokens of the user end within 2 seconds, this one too; the answer has a new one. Wrong current passwords ' +
    'count as refused logins, with the same limits.',
  curl: `${exampleUser('example-own', ' > /dev/null')}
TOKEN=$(curl -s "$API/login" ${WITH_JSON} \\
  -d '{"username":"example-own","password":"${EXAMPLE_PASSWORD}"}' | jq -r .Auth.Token)
curl -s -X PUT "$API/me/password" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"current_password":"${EXAMPLE_PASSWORD}","new_password":"${EXAMPLE_PASSWORD}"}'`,
  body: Type.Object(
    {
      current_password: passwordSchema('The password until now.'),
      new_password: newPasswordSchema,
    },
    {
      additionalProperties: false,
      examples: [
        { current_password: 'the password until now', new_password: 'another long password' },
      ],
    },
  ),
  response: {
    200: TokenAnswer,
    ...problemResponses(400, 401, 403, 413, 415, 429, 500, 503),
    422: problemResponse('The current password is wrong, or the caller is a key.'),
  },
};
