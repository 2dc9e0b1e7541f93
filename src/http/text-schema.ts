/** Schemas for the texts of a pulse in filters. */
import { Type } from 'typebox';

/** No control characters: Postgres cannot store U+0000, and no pulse contains the others. */
export const TEXT_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$';

/** A text of 1 to `maxLength` characters without control characters. */
export function textSchema(maxLength: number, description: string) {
  return Type.String({ minLength: 1, maxLength, pattern: TEXT_PATTERN, description });
}
