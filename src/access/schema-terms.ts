/** Parts of the schemas of users, keys and the audit log. */
import { Type, type TSchema } from 'typebox';
import { TENANT_LENGTH_MAX } from '../contract/rules.ts';
import { ROLES } from '../http/caller.ts';
import { problemResponses } from '../http/problem-schema.ts';
import { textSchema } from '../http/text-schema.ts';
import { PASSWORD_LENGTH, TENANTS_MAX } from './access-rules.ts';

export const LIST_LIMIT_DEFAULT = 50;
const LIST_LIMIT_MAX = 1_000;
const NAME_LENGTH_MAX = 128;

/** A list of `TENANTS_MAX` long names. */
export const RIGHTS_BYTES_MAX = 1024 * 1024;

export const instant = (description: string) => Type.String({ format: 'date-time', description });
export const nullableInstant = (description: string) =>
  Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description });
export const nullable = (description: string) =>
  Type.Union([Type.String(), Type.Null()], { description });

export const roleSchema = Type.Enum([...ROLES], {
  description:
    '`viewer` reads, `operator` also sends and repairs, `admin` does everything, for all tenants.',
});

/** In answers. */
export const scopeSchema = Type.Union([Type.Literal('all'), Type.Array(Type.String())], {
  description: 'Whose data is visible: `"all"`, or the list of tenants.',
});

/** In requests. */
export const newScopeSchema = Type.Union(
  [
    Type.Literal('all'),
    Type.Array(textSchema(TENANT_LENGTH_MAX, 'A tenant.'), { minItems: 1, maxItems: TENANTS_MAX }),
  ],
  { description: `\`"all"\`, or a list of 1 to ${TENANTS_MAX} tenants. An admin needs \`"all"\`.` },
);

/** Of a password that is checked: an old one may be shorter than new ones must be. */
export const passwordSchema = (description: string) =>
  Type.String({ minLength: 1, maxLength: PASSWORD_LENGTH.max, description });
export const newPasswordSchema = Type.String({
  minLength: PASSWORD_LENGTH.min,
  maxLength: PASSWORD_LENGTH.max,
  description: `The new password, ${PASSWORD_LENGTH.min} to ${PASSWORD_LENGTH.max} characters.`,
});

export const pageLimit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT }),
);
export const paging = {
  limit: pageLimit,
  after: Type.Optional(textSchema(NAME_LENGTH_MAX, '`next` of the page before.')),
};
export const page = <Item extends TSchema>(item: Item) =>
  Type.Object(
    { data: Type.Array(item), next: nullable('Send it as `after`; null on the last page.') },
    { description: 'One page.' },
  );

export const LIST_PROBLEMS = problemResponses(400, 401, 403, 500, 503);
export const READ_PROBLEMS = problemResponses(400, 401, 403, 404, 500, 503);
export const CREATE_PROBLEMS = problemResponses(400, 401, 403, 409, 413, 415, 500, 503);
export const CHANGE_PROBLEMS = problemResponses(400, 401, 403, 404, 409, 413, 415, 500, 503);

export const operation = <
  const Text extends { operationId: string; summary: string; description: string },
>(
  text: Text,
) => ({ tags: ['auth'], ...text });
