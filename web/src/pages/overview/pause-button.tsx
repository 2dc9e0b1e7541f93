/** Pauses and resumes ingest. */
import { Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import type { Status } from '../../api/status.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { emptyFields } from '../../parts/missing.ts';

const NOTE_LENGTH_MAX = 500;

export function PauseButton({ status: { ingest } }: { readonly status: Status }) {
  const me = useMe();
  if (!hasRole(me, 'operator') || ingest === null) return null;
  // Two components, so that an open dialog does not turn into the opposite when somebody else is first.
  return ingest.paused ? <Resume /> : <Pause />;
}

function Pause() {
  const [note, setNote] = useState('');
  return (
    <ConfirmButton
      label="Pause ingest"
      missing={emptyFields({ Reason: note })}
      run={async () => {
        await order(true, note);
        return 'Ingest is paused.';
      }}
    >
      <Text size="sm" mb="sm">
        Workers finish what they hold and take no more pulses, until somebody resumes. Nothing is
        lost: pulses wait in the queue. Usage stays as it is.
      </Text>
      <Note value={note} onChange={setNote} required />
    </ConfirmButton>
  );
}

function Resume() {
  const [note, setNote] = useState('');
  return (
    <ConfirmButton
      label="Resume ingest"
      run={async () => {
        await order(false, note);
        return 'Ingest is resumed.';
      }}
    >
      <Text size="sm" mb="sm">
        Workers take pulses from the queue again, within seconds.
      </Text>
      <Note value={note} onChange={setNote} required={false} />
    </ConfirmButton>
  );
}

async function order(paused: boolean, note: string): Promise<void> {
  const reason = note.trim();
  await dataOf(
    api.PUT('/api/v1/ingest/pause', {
      body: { paused, ...(reason === '' ? {} : { note: reason }) },
    }),
  );
}

function Note({
  value,
  onChange,
  required,
}: {
  readonly value: string;
  readonly onChange: (note: string) => void;
  readonly required: boolean;
}) {
  return (
    <TextInput
      label="Reason"
      required={required}
      maxLength={NOTE_LENGTH_MAX}
      value={value}
      onChange={(event) => {
        onChange(event.currentTarget.value);
      }}
    />
  );
}
