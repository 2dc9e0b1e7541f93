/** JSON whose numbers keep their digits. */

interface Source {
  /** The number as it was sent. Browsers from before 2025 do not tell. */
  readonly source?: string;
}

type ExactReviver = (key: string, value: unknown, context?: Source) => unknown;

/** Numbers that JavaScript would round become the text that was sent. */
export function parseExact(text: string): unknown {
  const reviver: ExactReviver = (_key, value, context) => {
    const source = context?.source;
    if (typeof value !== 'number' || source === undefined) return value;
    return String(value) === source ? value : source;
  };
  return JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]);
}
