/** Options of commands as plain objects, the types of their values, and parsers that commands share. */
import { InvalidArgumentError, Option } from 'commander';
import { parseInstant } from '../core/timestamp.ts';

/** One option. Its name is its key: `dryRun` is `--dry-run`. */
export interface OptionSpec {
  /** What follows the name, such as `<n>`. An option without it is a flag. */
  readonly value?: `<${string}>`;
  readonly about: string;
  /** Checks the text that was given. `before` is the value so far of an option that may be repeated. */
  readonly parse?: (text: string, before: never) => unknown;
  readonly choices?: readonly string[];
  readonly default?: unknown;
  /** The default as help shows it. */
  readonly defaultText?: string;
  readonly required?: true;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** What the user gave: a flag is true or false, a value is undefined when it is absent and has no default. */
export type Flags<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends { value: string }
    ? Given<Specs[Name]> | Absent<Specs[Name]>
    : boolean;
};

type Given<Spec> = Spec extends { parse: (...args: never) => infer Value }
  ? Value
  : Spec extends { choices: readonly (infer Choice)[] }
    ? Choice
    : string;
type Absent<Spec> = Spec extends { default: unknown } | { required: true } ? never : undefined;

/** The same for commander. */
export function toOptions(specs: OptionSpecs): Option[] {
  return Object.entries(specs).map(([name, spec]) => {
    const long = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const option = new Option([long, spec.value].join(' ').trimEnd(), spec.about);
    if (spec.choices !== undefined) option.choices(spec.choices);
    if (spec.parse !== undefined) {
      option.argParser(spec.parse as (text: string, before: unknown) => unknown);
    }
    if (spec.default !== undefined) option.default(spec.default, spec.defaultText);
    return option.makeOptionMandatory(spec.required === true);
  });
}

/** Gives flags that are absent their `false`. */
export function toFlags<Specs extends OptionSpecs>(
  specs: Specs,
  given: Readonly<Record<string, unknown>>,
): Flags<Specs> {
  const values = Object.entries(specs).map(([name, { value }]) => [
    name,
    value === undefined ? given[name] === true : given[name],
  ]);
  return Object.fromEntries(values) as Flags<Specs>;
}

/** An option that is a whole number. */
export function integer(about: string, range: { min: number; max: number; default: number }) {
  const { min, max } = range;
  const parse = (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
  return { value: '<n>', about, parse, default: range.default } as const satisfies OptionSpec;
}

/** Parses an instant of the years 1 to 9999 to milliseconds since 1970. */
export function instant(text: string): number {
  const ms = parseInstant(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError(
    'It must be an RFC 3339 instant of the years 1 to 9999 such as 2026-01-31T13:00:00Z.',
  );
}
