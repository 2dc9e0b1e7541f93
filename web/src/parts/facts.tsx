/** Names and values of one thing. */
import type { ReactNode } from 'react';

export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? '–'}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Text as it is: lines, spaces, and no markup. */
export function RawText({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <pre className="raw" tabIndex={0} aria-label={label}>
      {text}
    </pre>
  );
}
