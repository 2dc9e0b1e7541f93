/** A date and time in the zone of the page. */
import { TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { instantOf, localOf } from './instant.ts';
import { useZone } from './zone.ts';

export function InstantInput({
  label,
  description,
  value,
  onChange,
  delayMs = 0,
}: {
  readonly label: string;
  readonly description?: string;
  /** An instant of the API, or ''. */
  readonly value: string;
  readonly onChange: (instant: string) => void;
  /** Only for what must not follow every key. A form that is sent meanwhile would send the old value. */
  readonly delayMs?: number;
}) {
  const zone = useZone();
  const [typed, setTyped] = useState(() => localOf(value, zone));
  // What `typed` was made from, or has become. Only a value from elsewhere replaces what somebody types.
  const [seen, setSeen] = useState({ value, zone });
  if (seen.value !== value || seen.zone !== zone) {
    setSeen({ value, zone });
    setTyped(localOf(value, zone));
  }
  const instant = typed === localOf(value, zone) ? value : (instantOf(typed, zone) ?? '');
  useEffect(() => {
    if (delayMs === 0 || instant === value) return undefined;
    const timer = setTimeout(() => {
      setSeen({ value: instant, zone });
      onChange(instant);
    }, delayMs);
    return () => {
      clearTimeout(timer);
    };
  }, [delayMs, instant, value, zone, onChange]);
  return (
    <TextInput
      size="xs"
      type="datetime-local"
      step={1}
      // Else browsers take years of six digits, which are no instants of the API.
      max="9999-12-31T23:59:59"
      label={label}
      description={description}
      value={typed}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        if (delayMs > 0) return;
        const next = instantOf(text, zone) ?? '';
        setSeen({ value: next, zone });
        onChange(next);
      }}
    />
  );
}
