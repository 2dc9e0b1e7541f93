/** JSON as lines to read, with every number as it was written. */

interface RawJson {
  /** Browsers from before 2025 do not have it. */
  readonly rawJSON?: (text: string) => unknown;
}

type ExactReviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

/** @param pick The part to show. */
export function exactLines(text: string, pick: (parsed: unknown) => unknown): string {
  const { rawJSON } = JSON as RawJson;
  const reviver: ExactReviver = (_key, value, context) =>
    typeof value === 'number' && context?.source !== undefined && rawJSON !== undefined
      ? rawJSON(context.source)
      : value;
  const parsed: unknown = JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]);
  return JSON.stringify(pick(parsed), null, 2);
}
