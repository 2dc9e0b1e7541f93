/** Schemas of lists: the parameters, and the answer that is one page. */
import { Type, type TSchema } from 'typebox';
import { instant, nullable, orNull } from './schema-terms.ts';
import { textSchema } from './text-schema.ts';

export const PAGE_LIMIT_DEFAULT = 50;
const PAGE_LIMIT_MAX = 1_000;
const CURSOR_LENGTH_MAX = 64;
const NUMBER_MAX = 2_147_483_647;
const AFTER = '`next` of the page before.';
const NEXT = 'Send it as `after`; null on the last page.';

/** Of a list or report that may be about a span of time. */
export const spanParameters = (what: string) => ({
  from: Type.Optional(instant(`Only ${what} at this instant or later.`)),
  to: Type.Optional(instant(`Only ${what} before this instant.`)),
});

/** @param limitDefault Only described: the handler fills it in. */
export const limitSchema = (limitDefault: number, maximum = PAGE_LIMIT_MAX) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum, default: limitDefault }));
const limit = limitSchema(PAGE_LIMIT_DEFAULT);

/** Of a list whose `next` is a key that callers see, such as a name. */
export const keyPaging = (lengthMax: number, limitDefault = PAGE_LIMIT_DEFAULT) => ({
  limit: limitSchema(limitDefault),
  after: Type.Optional(textSchema(lengthMax, AFTER)),
});
/** Of a list whose `next` says nothing to callers. */
export const cursorPaging = (maxLength = CURSOR_LENGTH_MAX) => ({
  limit,
  after: Type.Optional(Type.String({ maxLength, description: AFTER })),
});
/** Of a list whose `next` is the number of a row. */
export const numberPaging = {
  limit,
  after: Type.Optional(Type.Integer({ minimum: 1, maximum: NUMBER_MAX, description: AFTER })),
};

export const page = <Item extends TSchema>(item: Item, description = 'One page.') =>
  Type.Object({ data: Type.Array(item), next: nullable(NEXT) }, { description });
/** With `numberPaging`. */
export const numberPage = <Item extends TSchema>(item: Item) =>
  Type.Object(
    { data: Type.Array(item), next: orNull(Type.Integer(), NEXT) },
    { description: 'One page.' },
  );
