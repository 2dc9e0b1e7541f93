/** JSON values as text, so that equal values have equal text. */

/** Is told the cost of each part before it is read, and may throw. */
export type Spend = (steps: number) => void;

const VALUE_STEPS = 2;
/** For what sorts its members. */
const OBJECT_STEPS = 4;
const CHARACTERS_PER_STEP = 6;

/**
 * Values that JSON Schema calls equal have the same text: `1` and `1.0`, and objects with the same members in any
 * order. Takes linear time, but for the sorting of names: text is only appended, never joined anew on each level.
 *
 * @param value Nests at most as deep as the stack allows; the caller has a limit.
 */
export function canonicalJson(value: unknown, spend: Spend): string {
  if (typeof value === 'string') {
    spend(VALUE_STEPS + value.length / CHARACTERS_PER_STEP);
    return JSON.stringify(value);
  }
  if (typeof value !== 'object' || value === null) {
    spend(VALUE_STEPS);
    // -0 becomes 0, which it equals.
    return String(value);
  }
  let text = '';
  if (Array.isArray(value)) {
    spend(VALUE_STEPS);
    for (const item of value) text += `${canonicalJson(item, spend)},`;
    return `[${text}]`;
  }
  spend(OBJECT_STEPS);
  for (const name of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[name];
    text += `${canonicalJson(name, spend)}:${canonicalJson(member, spend)},`;
  }
  return `{${text}}`;
}
