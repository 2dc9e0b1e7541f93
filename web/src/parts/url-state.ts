/** What a page shows stands in its address, so that a link shows a colleague the same. */
import { useMemo } from 'react';
import { navigate, useSearch } from 'wouter/use-browser-location';

/** Typing replaces the entry of the browser's history. A choice pushes one, so that Back undoes it. */
interface SetOptions {
  readonly push?: boolean;
}
export const CHOICE: SetOptions = { push: true };

/** `undefined` and '' remove a parameter. */
export type SetParameters = (
  changes: Readonly<Record<string, string | undefined>>,
  options?: SetOptions,
) => void;

/** The parameters of the address, and how to change some of them. */
export function useParameters(): [URLSearchParams, SetParameters] {
  // Not the router's own hook: it decodes the text once before it is read, so that `%2541` would be `A`.
  const search = useSearch();
  return [useMemo(() => new URLSearchParams(search), [search]), setParameters];
}

/** The zone, a tab, and what a dialog begins with. */
const NO_FILTERS: ReadonlySet<string> = new Set(['tz', 'tab', 'add']);

/** How many parameters of an address are filters of a list. */
export function filtersSet(parameters: URLSearchParams): number {
  return new Set([...parameters.keys()].filter((name) => !NO_FILTERS.has(name))).size;
}

/** One parameter; '' when the address does not have it. */
export function useParameter(
  name: string,
): [string, (value: string, options?: SetOptions) => void] {
  const [parameters, set] = useParameters();
  return [
    parameters.get(name) ?? '',
    (value, options) => {
      set({ [name]: value }, options);
    },
  ];
}

/** A parameter that the address may have several times. */
export function useValues(name: string): [string[], (values: readonly string[]) => void] {
  const [parameters] = useParameters();
  return [
    parameters.getAll(name),
    (values) => {
      edit((next) => {
        next.delete(name);
        for (const value of values) next.append(name, value);
      }, CHOICE);
    },
  ];
}

function setParameters(changes: Parameters<SetParameters>[0], options?: SetOptions): void {
  edit((next) => {
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined || value === '') next.delete(name);
      else next.set(name, value);
    }
  }, options);
}

/** Reads the address itself, so that several changes in one step add up, and the path stays as it is. */
function edit(
  change: (parameters: URLSearchParams) => void,
  { push = false }: SetOptions = {},
): void {
  const next = new URLSearchParams(location.search);
  change(next);
  const search = next.toString();
  navigate(search === '' ? location.pathname : `${location.pathname}?${search}`, {
    replace: !push,
  });
}
