/** A body as it was sent: as text with invalid bytes visible, as JSON, or as bytes. */
import { Button, Group, Text } from '@mantine/core';
import { useMemo } from 'react';
import { beginningOf, bytesOf, hexDump, readableParts, type SentBody } from './body-text.ts';
import { RawText } from './facts.tsx';
import { prettyJson } from './pretty-json.ts';
import { useParameter } from './url-state.ts';

const VIEWS = { '': 'Text', json: 'JSON', hex: 'Hex' } as const;

export function BodyView({ label, body }: { readonly label: string; readonly body: SentBody }) {
  const [view, setView] = useParameter('view');
  const pretty = useMemo(
    () => (body.encoding === 'utf8' ? prettyJson(body.content) : undefined),
    [body],
  );
  return (
    <>
      <Group gap={4} mb="xs" role="group" aria-label={`View of ${label.toLowerCase()}`}>
        {Object.entries(VIEWS).map(([name, words]) => (
          <Button
            key={name}
            size="compact-xs"
            variant={view === name ? 'filled' : 'default'}
            aria-pressed={view === name}
            onClick={() => {
              setView(name);
            }}
          >
            {words}
          </Button>
        ))}
      </Group>
      {view === 'hex' ? (
        <RawText label={label} text={hexDump(bytesOf(body))} />
      ) : view === 'json' && pretty !== undefined ? (
        <RawText label={label} text={pretty} />
      ) : (
        <>
          {view === 'json' ? (
            <Text size="sm" mb="xs">
              This is not JSON, so it stands as text.
            </Text>
          ) : null}
          <ReadableText label={label} body={body} />
        </>
      )}
    </>
  );
}

/** Longer texts make a page slow. */
const SHOWN_BYTES_MAX = 200_000;

function ReadableText({ label, body }: { readonly label: string; readonly body: SentBody }) {
  const bytes = useMemo(() => bytesOf(body), [body]);
  const parts = useMemo(() => readableParts(beginningOf(bytes, SHOWN_BYTES_MAX)), [bytes]);
  return (
    <>
      <pre className="raw" tabIndex={0} aria-label={label} role="region">
        {parts.map(({ text, isEscape }, index) =>
          isEscape ? (
            // The parts of one body never change their order.
            <mark key={index} className="escape">
              {text}
            </mark>
          ) : (
            text
          ),
        )}
      </pre>
      {bytes.length > SHOWN_BYTES_MAX ? <Text size="xs">Only the beginning is shown.</Text> : null}
    </>
  );
}
