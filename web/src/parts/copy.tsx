/** Copies a text, and says so. */
import { Button } from '@mantine/core';
import { useState } from 'react';

export function CopyButton({ label, text }: { readonly label: string; readonly text: string }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <Button
      size="xs"
      variant="default"
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setCopied(true);
          setTimeout(() => {
            setCopied(false);
          }, 2_000);
        });
      }}
    >
      {isCopied ? 'Copied' : label}
    </Button>
  );
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
