/** A date and time in the zone of the page. */
import { TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { instantOf, localOf } from './instant.ts';
import { useZone } from './zone.ts';

const TYPING_MS = 500;

export function InstantInput({
  label,
  description,
  value,
  onChange,
}: {
  readonly label: string;
  readonly description?: string;
  /** An instant of the API, or ''. */
  readonly value: string;
  readonly onChange: (instant: string) => void;
}) {
  const zone = useZone();
  const local = value === '' ? '' : localOf(value, zone);
  const [typed, setTyped] = useState(local);
  const [seen, setSeen] = useState(local);
  if (seen !== local) {
    setSeen(local);
    setTyped(local);
  }
  useEffect(() => {
    if (typed === local) return undefined;
    // While somebody types a year, every digit makes a valid date.
    const timer = setTimeout(() => {
      onChange(typed === '' ? '' : (instantOf(typed, zone) ?? ''));
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [typed, local, zone, onChange]);
  return (
    <TextInput
      size="xs"
      type="datetime-local"
      step={1}
      label={label}
      description={description}
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
      }}
    />
  );
}
