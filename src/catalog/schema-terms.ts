/** Parts of the schemas of the catalogue. */
import { Type, type TSchema } from 'typebox';
import { problemResponses } from '../http/problem-schema.ts';
import { textSchema } from '../http/text-schema.ts';

export const LIST_LIMIT_DEFAULT = 100;
const LIST_LIMIT_MAX = 1_000;
/** Of prices and units. These lists were once whole: a caller who asks for no page gets as much as there may be. */
export const WHOLE_LIMIT_DEFAULT = LIST_LIMIT_MAX;
export const ID_LENGTH_MAX = 128;
/** Of a dimension, a dot and a unit. */
const CURSOR_LENGTH_MAX = 128;

export const nullable = (description: string) =>
  Type.Union([Type.String(), Type.Null()], { description });

const limitOf = (limitDefault: number) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: limitDefault }));
export const paging = {
  limit: limitOf(LIST_LIMIT_DEFAULT),
  after: Type.Optional(textSchema(ID_LENGTH_MAX, '`next` of the page before.')),
};
/** For lists whose cursors are no keys. */
export const cursorPaging = (cursorPattern: string) =>
  Type.Object(
    {
      limit: limitOf(WHOLE_LIMIT_DEFAULT),
      after: Type.Optional(
        Type.String({
          ...{ maxLength: CURSOR_LENGTH_MAX, pattern: cursorPattern },
          description: '`next` of the page before.',
        }),
      ),
    },
    { additionalProperties: false },
  );

export const page = <Item extends TSchema>(item: Item, description: string) =>
  Type.Object(
    { data: Type.Array(item), next: nullable('Send it as `after`; null on the last page.') },
    { description },
  );

export const READ_PROBLEMS = problemResponses(400, 401, 403, 404, 500, 503);
export const WRITE_PROBLEMS = problemResponses(400, 401, 403, 404, 409, 413, 415, 500, 503);
export const operation = <
  const Text extends { operationId: string; summary: string; description: string },
>(
  text: Text,
) => ({ tags: ['catalog'], ...text });
