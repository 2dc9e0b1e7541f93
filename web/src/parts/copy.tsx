/** Copies a text, and says so. Shows it to be selected where the browser refuses. */
import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';

/** Said of a text with `$TOKEN`. */
const TOKEN_HELP =
  'Set TOKEN first: to a key (an admin creates one in Access, Keys), or to the token that POST /api/v1/login answers.';

export function CopyButton({ label, text }: { readonly label: string; readonly text: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'refused'>();
  if (outcome === 'refused') {
    return (
      <TextInput
        size="xs"
        readOnly
        autoFocus
        aria-label={label}
        error="It could not be copied. Select it."
        value={text}
        onFocus={(event) => {
          event.currentTarget.select();
        }}
      />
    );
  }
  return (
    <Button
      size="xs"
      variant="default"
      title={text.includes('$TOKEN') ? TOKEN_HELP : undefined}
      onClick={({ currentTarget }) => {
        void copy(text, currentTarget).then((isCopied) => {
          setOutcome(isCopied ? 'copied' : 'refused');
          if (!isCopied) return;
          setTimeout(() => {
            setOutcome(undefined);
          }, 2_000);
        });
      }}
    >
      {outcome === 'copied' ? 'Copied' : label}
    </Button>
  );
}

/** @param button Where the focus is. A dialog would not let it go to another place. */
async function copy(text: string, button: HTMLElement): Promise<boolean> {
  try {
    // Missing where the console comes over plain HTTP.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.className = 'out-of-sight';
    field.readOnly = true;
    field.value = text;
    button.after(field);
    field.select();
    // Nothing has replaced it where there is no clipboard.
    // oxlint-disable-next-line typescript/no-deprecated
    const isCopied = document.execCommand('copy');
    field.remove();
    button.focus();
    return isCopied;
  }
}

type QueryParameters = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** The request of a page as a command to paste; `$TOKEN` stands for the caller's own. */
export function curlOf(path: string, parameters: QueryParameters = {}): string {
  const url = `${location.origin}${pathWith(path, parameters)}`;
  return `curl -s ${quoted(url)} -H "authorization: Bearer $TOKEN"`;
}

export function pathWith(path: string, parameters: QueryParameters): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value ?? []].flat()) search.append(name, String(one));
  }
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
