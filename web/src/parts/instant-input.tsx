/** A date and time in the zone of the page, as text: a browser's own field writes it in its own order. */
import { TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { instantOf, localOf } from './instant.ts';
import { useZone } from './zone.ts';

const EXAMPLE = '2026-11-30 08:00:38';

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
  const [isTyping, setTyping] = useState(false);
  // What `typed` was made from, or has become. Only a value from elsewhere replaces what somebody types.
  const [seen, setSeen] = useState({ value, zone });
  if (seen.value !== value || seen.zone !== zone) {
    setSeen({ value, zone });
    setTyped(localOf(value, zone));
  }
  const instant = typed === localOf(value, zone) ? value : (instantOf(typed.trim(), zone) ?? '');
  const isWrong = typed.trim() !== '' && instant === '';
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // Else a form would be sent as if nothing had been typed.
    input.current?.setCustomValidity(isWrong ? `Write it as ${EXAMPLE}.` : '');
  }, [isWrong]);
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
      ref={input}
      size="xs"
      label={label}
      description={description}
      placeholder={EXAMPLE}
      error={isWrong && !isTyping ? `Write it as ${EXAMPLE}.` : undefined}
      value={typed}
      maxLength={64}
      onFocus={() => {
        setTyping(true);
      }}
      onBlur={() => {
        setTyping(false);
      }}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        if (delayMs > 0) return;
        const next = instantOf(text.trim(), zone) ?? '';
        setSeen({ value: next, zone });
        onChange(next);
      }}
    />
  );
}
