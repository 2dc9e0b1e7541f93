/** A place in a list of dead letters: microseconds since 1970 of the receipt, a dot, the id. */

const CURSOR = /^\d{1,16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a text from outside is a cursor. One that no list has given leads to a place all the same. */
export function isCursor(text: string): boolean {
  return CURSOR.test(text);
}
