/** The filters of a list. They stand in the address of the page. */
import { Button, Group, Select, TextInput } from '@mantine/core';
import { useEffect, useId, useState, type ReactNode } from 'react';
import { InstantInput } from './instant-input.tsx';
import { CHOICE, filtersSet, useParameter, useParameters } from './url-state.ts';

export type Filter =
  | { readonly name: string; readonly label: string; readonly kind: 'text' }
  | { readonly name: string; readonly label: string; readonly kind: 'time' }
  | {
      readonly name: string;
      readonly label: string;
      readonly kind: 'choice';
      readonly choices: readonly string[];
      /** What an address without the parameter means. Default: any. */
      readonly standard?: string;
    };

/** On narrow screens they are behind a button. */
export function Filters({
  filters,
  inWords,
  children,
}: {
  readonly filters: readonly Filter[];
  /** What they are set to, for narrow screens. */
  readonly inWords?: string;
  /** More of them. */
  readonly children?: ReactNode;
}) {
  const [parameters] = useParameters();
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const setCount = filtersSet(parameters);
  return (
    <>
      <div className="filters-head">
        <Button
          variant="default"
          size="xs"
          aria-expanded={isOpen}
          aria-controls={id}
          onClick={() => {
            setOpen(!isOpen);
          }}
        >
          {setCount === 0 ? 'Filters' : `Filters, ${setCount} set`}
        </Button>
        {inWords === undefined || isOpen ? null : <span>{inWords}</span>}
      </div>
      <Group
        id={id}
        className={isOpen ? 'filters open' : 'filters'}
        mb="md"
        gap="xs"
        role="search"
        align="flex-end"
      >
        {filters.map((filter) => {
          if (filter.kind === 'text') return <TextFilter key={filter.name} {...filter} />;
          if (filter.kind === 'time') return <TimeFilter key={filter.name} {...filter} />;
          return <ChoiceFilter key={filter.name} {...filter} />;
        })}
        {children}
      </Group>
    </>
  );
}

function TimeFilter({ name, label }: { readonly name: string; readonly label: string }) {
  const [value, setValue] = useParameter(name);
  return <InstantInput label={label} value={value} onChange={setValue} delayMs={TYPING_TIME_MS} />;
}

const TYPING_MS = 300;
/** While somebody types a year, every digit makes a valid date. */
const TYPING_TIME_MS = 500;

export function TextFilter({
  name,
  label,
  placeholder,
}: {
  readonly name: string;
  readonly label: string;
  readonly placeholder?: string;
}) {
  const [value, setValue] = useParameter(name);
  const [typed, setTyped] = useState(value);
  // The address may change by itself: a link, or the browser's history.
  const [seen, setSeen] = useState(value);
  if (seen !== value) {
    setSeen(value);
    // What was typed here comes back without the space of somebody who types on.
    if (value !== typed.trim()) setTyped(value);
  }
  useEffect(() => {
    if (typed === value) return undefined;
    const timer = setTimeout(() => {
      setValue(typed.trim());
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [typed, value, setValue]);
  return (
    <TextInput
      size="xs"
      label={label}
      placeholder={placeholder}
      value={typed}
      maxLength={512}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
      }}
    />
  );
}

export function ChoiceFilter({
  name,
  label,
  choices,
  standard = '',
}: {
  readonly name: string;
  readonly label: string;
  readonly choices: readonly string[];
  readonly standard?: string;
}) {
  const [given, setValue] = useParameter(name);
  const value = given === '' ? standard : given;
  return (
    <Select
      size="xs"
      label={label}
      data={choices}
      value={value === '' ? null : value}
      placeholder="any"
      clearable={standard === ''}
      allowDeselect={standard === ''}
      onChange={(choice) => {
        setValue(choice === standard ? '' : (choice ?? ''), CHOICE);
      }}
    />
  );
}
