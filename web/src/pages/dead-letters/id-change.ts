/** Whether a fix gives a pulse another id. */

/** Undefined: it does not, or what was typed so far is no JSON, which nothing can be said about. */
export function idChange(
  before: string,
  after: string,
): { readonly old: string | undefined } | undefined {
  const fixed = parse(after);
  if (fixed === undefined) return undefined;
  const old = idOf(parse(before)?.value) ?? idInBroken(before);
  return old === idOf(fixed.value) ? undefined : { old };
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function idOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined;
  return typeof value.id === 'string' ? value.id : undefined;
}

function idInBroken(text: string): string | undefined {
  return parse(text) === undefined ? /"id"\s*:\s*"([^"]*)"/.exec(text)?.[1] : undefined;
}
