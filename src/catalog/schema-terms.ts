/** Parts of the schemas of the catalogue. */
import { Type } from 'typebox';
import { keyPaging, limitSchema } from '../http/page-schema.ts';
import { querySchema } from '../http/schema-terms.ts';

export const LIST_LIMIT_DEFAULT = 100;
/** Of prices and units. These lists were once whole: a caller who asks for no page gets as much as there may be. */
export const WHOLE_LIMIT_DEFAULT = 1_000;
export const ID_LENGTH_MAX = 128;
/** Of a dimension, a dot and a unit. */
const CURSOR_LENGTH_MAX = 128;

export const paging = keyPaging(ID_LENGTH_MAX, LIST_LIMIT_DEFAULT);
/** For lists whose cursors are no keys. */
export const patternPaging = (pattern: string) =>
  querySchema({
    limit: limitSchema(WHOLE_LIMIT_DEFAULT),
    after: Type.Optional(
      Type.String({
        ...{ maxLength: CURSOR_LENGTH_MAX, pattern },
        description: '`next` of the page before.',
      }),
    ),
  });
