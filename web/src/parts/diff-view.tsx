/** Two texts as one, with what was removed and what was added. */
import { useMemo } from 'react';
import { lineDiff, type DiffLine } from './line-diff.ts';

const SIGNS = { same: ' ', removed: '-', added: '+' } as const;
const WORDS = { same: '', removed: 'removed: ', added: 'added: ' } as const;

export function DiffView({ before, after }: { readonly before: string; readonly after: string }) {
  const lines = useMemo(() => lineDiff(before, after), [before, after]);
  return (
    <pre className="raw diff" tabIndex={0} role="region" aria-label="Changes of the body">
      {lines.map((line, index) => (
        // Lines repeat, and a line is nothing but its place.
        <span key={index} className={`diff-line ${line.kind}`}>
          <span aria-hidden>{SIGNS[line.kind]} </span>
          <span className="unseen">{WORDS[line.kind]}</span>
          <Line line={line} />
          {'\n'}
        </span>
      ))}
    </pre>
  );
}

function Line({ line: { text, changed } }: { readonly line: DiffLine }) {
  if (changed === undefined) return text;
  const [start, end] = changed;
  return (
    <>
      {text.slice(0, start)}
      {start === end ? null : <mark className="changed">{text.slice(start, end)}</mark>}
      {text.slice(end)}
    </>
  );
}
