/** Replaces the body of a dead letter, with what that changes, and replays it. */
import { Alert, Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { lossyTextOf, type SentBody } from '../../parts/body-text.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { DiffView } from '../../parts/diff-view.tsx';
import { prettyJson } from '../../parts/pretty-json.ts';
import { Section } from '../../parts/section.tsx';
import { EvenIfForgotten } from './dead-letter-actions.tsx';
import {
  fixAndReplay,
  refreshDeadLetters,
  saveFix,
  type DeadLetter,
} from './dead-letter-queries.ts';
import { diffTexts } from './diff-texts.ts';
import { ReplayPreview } from './replay-preview.tsx';
import { useFixDraft } from './use-fix-draft.ts';

interface Props {
  readonly deadLetter: DeadLetter;
  readonly close: () => void;
}

export function FixForm({ deadLetter, close }: Props) {
  const { body, original_body } = deadLetter;
  // A fix that somebody else saves meanwhile must not change what is being typed.
  const [shown] = useState(deadLetter);
  const draft = useFixDraft(shown);
  const { text, note } = draft.fix;
  const [evenIfForgotten, setEvenIfForgotten] = useState(false);
  const fixed = { encoding: 'utf8' as const, content: text };
  const [before, after] = diffTexts(original_body ?? body, fixed);
  const isChanged = before !== after;
  const stop = () => {
    draft.forget();
    close();
  };
  const done = () => {
    refreshDeadLetters();
    stop();
  };
  return (
    <Section
      title="Edit and replay"
      actions={
        <Button size="xs" variant="subtle" onClick={stop}>
          Stop editing
        </Button>
      }
    >
      <Stack gap="sm">
        <Restored draft={draft} />
        <BodyField
          {...{ body, text }}
          original={original_body ?? body}
          setText={(next) => {
            draft.change({ text: next });
          }}
        />
        {isChanged ? (
          <Section title="Changes">
            <DiffView before={before} after={after} />
          </Section>
        ) : (
          <Text size="sm">Nothing is changed yet.</Text>
        )}
        <Section title="What the replay will do">
          <ReplayPreview deadLetter={deadLetter} text={text} />
        </Section>
        <TextInput
          label="Note"
          description="Why, for the history."
          maxLength={1_000}
          value={note}
          onChange={(event) => {
            draft.change({ note: event.currentTarget.value });
          }}
        />
        <EvenIfForgotten
          deadLetter={deadLetter}
          isChecked={evenIfForgotten}
          setChecked={setEvenIfForgotten}
        />
        <Group>
          <ConfirmButton
            label="Fix and replay"
            variant="filled"
            disabled={!isChanged || text === ''}
            run={() => fixAndReplay(shown, fixed, { note, evenIfForgotten })}
            onDone={done}
          >
            <Text size="sm" mb="xs">
              Replaces the body, then sends it through {deadLetter.queue ?? 'the queue of pulses'}.
              The original stays in the history.
            </Text>
            <ReplayPreview deadLetter={deadLetter} text={text} />
          </ConfirmButton>
          <ConfirmButton
            label="Fix only"
            disabled={!isChanged || text === ''}
            run={async () => {
              await saveFix(shown, fixed, note);
              return 'Fixed. Nothing is sent until it is replayed.';
            }}
            onDone={done}
          >
            <Text size="sm">
              Replaces the body and sends nothing. It waits here until somebody replays it.
            </Text>
          </ConfirmButton>
        </Group>
      </Stack>
    </Section>
  );
}

/** Says where the text comes from, and whether it is safe. */
function Restored({ draft }: { readonly draft: ReturnType<typeof useFixDraft> }) {
  return (
    <div role="status">
      {draft.isRestored ? (
        <Group gap="xs">
          <Text size="sm">
            This is what you had typed.
            {draft.isOutdated ? ' Something was done with it since: see its history.' : ''}
          </Text>
          <Button size="compact-xs" variant="default" onClick={draft.startOver}>
            Start over
          </Button>
        </Group>
      ) : null}
      {draft.isLost ? (
        <Text size="sm">
          This browser cannot keep what you type: it is lost when you leave the page.
        </Text>
      ) : null}
    </div>
  );
}

function BodyField({
  body,
  original,
  text,
  setText,
}: {
  readonly body: SentBody;
  readonly original: SentBody;
  readonly text: string;
  readonly setText: (text: string) => void;
}) {
  const pretty = prettyJson(text);
  return (
    <>
      {body.encoding === 'base64' ? (
        <Alert color="orange" title="The body is not UTF-8">
          <Text size="sm">Each � below stands for bytes that are no text. Replace them.</Text>
        </Alert>
      ) : null}
      <Textarea
        label="New body"
        description="Keep the id: it makes a replay count once."
        className="mono"
        rows={Math.min(24, Math.max(6, text.split('\n').length + 1))}
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
        }}
      />
      <Group gap="xs">
        <Button
          size="compact-xs"
          variant="default"
          disabled={pretty === undefined || pretty === text}
          onClick={() => {
            setText(pretty ?? text);
          }}
        >
          Format
        </Button>
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => {
            setText(lossyTextOf(original));
          }}
        >
          Back to the original
        </Button>
      </Group>
    </>
  );
}
