/** Parts of the schemas of users, keys and the audit log. */
import { Type } from 'typebox';
import { TENANT_LENGTH_MAX } from '../contract/rules.ts';
import { ROLES } from '../http/caller.ts';
import { keyPaging } from '../http/page-schema.ts';
import { textSchema } from '../http/text-schema.ts';
import { PASSWORD_LENGTH, TENANTS_MAX } from './access-rules.ts';

const NAME_LENGTH_MAX = 128;

/** A list of `TENANTS_MAX` long names. */
export const RIGHTS_BYTES_MAX = 1024 * 1024;

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

export const paging = keyPaging(NAME_LENGTH_MAX);
