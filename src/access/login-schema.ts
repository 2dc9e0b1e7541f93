/** POST /login. */
import { Type } from 'typebox';
import { problemResponses } from '../http/problem-schema.ts';
import { textSchema } from '../http/text-schema.ts';
import { USERNAME_LENGTH_MAX } from './access-rules.ts';
import { passwordSchema } from './schema-terms.ts';

/** The bounds limit the cost of a hostile body to one hash. */
export const LoginBody = Type.Object(
  {
    username: textSchema(USERNAME_LENGTH_MAX, 'The name of the user.'),
    password: passwordSchema('The password.'),
  },
  {
    additionalProperties: false,
    examples: [{ username: 'admin', password: 'the configured password' }],
  },
);

export const TokenAnswer = Type.Object(
  {
    Auth: Type.Object({
      Token: Type.String({ description: 'Send it as `Authorization: Bearer <Token>`.' }),
      ExpiresAt: Type.Integer({ description: 'When the token expires, in Unix seconds.' }),
    }),
  },
  { description: 'A token.' },
);

export const loginSchema = {
  operationId: 'login',
  tags: ['auth'],
  summary: 'Exchanges a username and password for a token',
  description:
    'The token is a JWT that expires at `ExpiresAt`. Attempts are limited per account, over all addresses, and per ' +
    'address, over all accounts. Beyond the limit the answer is 429 with `Retry-After`.',
  curl: `curl -s "$API/login" -H 'content-type: application/json' \\
  -d '{"username":"admin","password":"'"$ADMIN_PASSWORD"'"}'`,
  body: LoginBody,
  response: { 200: TokenAnswer, ...problemResponses(400, 401, 413, 415, 429, 500, 503) },
};
