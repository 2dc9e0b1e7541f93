/** Counts from Postgres, which sends a bigint as text. */

/** A count above 2^53 would be rounded in an answer; an error is better. */
export function safeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`count ${text} is not a safe integer`);
  return value;
}
