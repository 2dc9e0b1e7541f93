/** Pauses and resumes ingest. */
import { Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import type { Status } from '../../api/status.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';

const NOTE_LENGTH_MAX = 500;

export function PauseButton({ status }: { readonly status: Status }) {
  const me = useMe();
  const [note, setNote] = useState('');
  const { ingest } = status;
  if (!hasRole(me, 'operator') || ingest === null) return null;
  const order = async (paused: boolean) => {
    const reason = note.trim();
    await dataOf(
      api.PUT('/api/v1/ingest/pause', {
        body: { paused, ...(reason === '' ? {} : { note: reason }) },
      }),
    );
    setNote('');
    return paused ? 'Ingest is paused.' : 'Ingest is resumed.';
  };
  return ingest.paused ? (
    <ConfirmButton label="Resume ingest" run={() => order(false)}>
      <Text size="sm" mb="sm">
        Workers take pulses from the queue again, within seconds.
      </Text>
      <Note value={note} onChange={setNote} required={false} />
    </ConfirmButton>
  ) : (
    <ConfirmButton label="Pause ingest" isReady={note.trim() !== ''} run={() => order(true)}>
      <Text size="sm" mb="sm">
        Workers finish what they hold and take no more pulses, until somebody resumes. Nothing is
        lost: pulses wait in the queue. Usage stays as it is.
      </Text>
      <Note value={note} onChange={setNote} required />
    </ConfirmButton>
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
